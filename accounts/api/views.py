"""What every view of the API is built on."""

from typing import TypeVar

from django.db.models import Model
from rest_framework import viewsets
from rest_framework.views import APIView as PlainAPIView

Row = TypeVar("Row", bound=Model)


class APIView(PlainAPIView):
    """A view of the API."""


class GenericViewSet(viewsets.GenericViewSet[Row], APIView):
    """A set of views on one kind of row."""
