"""The catalogue of functions as clients see it, and how operators keep it."""

from typing import Any, ClassVar, cast

from django.db.models import Q, QuerySet
from django.http import Http404
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.etags import etag, expected_version
from accounts.api.fields import JsonObject, Number, Text, WholeNumber, YesNo
from accounts.api.idempotency import idempotent
from accounts.api.strict import StrictSerializer
from accounts.api.views import GenericViewSet
from accounts.models import User
from accounts.permissions import EveryoneReads
from accounts.roles import STAFF
from jobs import functions, options
from jobs.api import described
from jobs.api.parameters import StrictFilterBackend, WordFilter
from jobs.api.time_limit import time_limit
from jobs.languages import PYTHON
from jobs.models import Function

_EXAMPLES: Any = {"type": "array", "items": {"type": "object"}, "maxItems": functions.MAX_EXAMPLES}


@extend_schema_field(_EXAMPLES)
class Examples(serializers.JSONField):
    """Parameters that show how it is called."""


class FunctionFieldsSerializer(StrictSerializer):
    """What may be said of a function."""

    description = Text(required=False, allow_blank=True, max_length=functions.DESCRIPTION_MAX_LENGTH)
    schema_definition = JsonObject(
        required=False,
        allow_null=True,
        help_text="The JSON Schema of its parameters; null allows any. It refers to nothing outside of itself.",
    )
    examples = Examples(required=False, allow_null=True, help_text="Parameters; each fits the schema.")
    version = Text(required=False, min_length=1, max_length=options.VERSION_MAX_LENGTH)
    tags = serializers.ListField(
        child=Text(min_length=1, max_length=options.TAG_MAX_LENGTH),
        required=False,
        allow_null=True,
        max_length=options.MAX_TAGS,
    )
    is_active = YesNo(required=False)
    cache_seconds = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=options.LONGEST_CACHE,
        help_text="For so long the same parameters get the same result without a job; null is never.",
    )
    timeout = Number(
        required=False,
        allow_null=True,
        min_value=0.001,
        max_value=options.LONGEST_TIMEOUT,
        help_text="Seconds that an attempt may run.",
    )
    max_retries = WholeNumber(required=False, allow_null=True, min_value=0, max_value=options.MAX_RETRIES)


@extend_schema_field({"type": "string", "pattern": f"^{functions.LANGUAGE.pattern}$", "not": {"const": PYTHON}})
class OtherLanguage(Text):
    """A language that is not Python; which names there are is the domain's affair."""


@extend_schema_field({"type": "string", "pattern": f"^{functions.TITLE.pattern}$"})
class Title(Text):
    """What comes after the language in a function's name."""


class NewFunctionSerializer(FunctionFieldsSerializer):
    """A function in another language than Python; those register themselves."""

    language = OtherLanguage(help_text="Such as `node`: the workers that do its jobs ask for this language.")
    title = Title(help_text="Such as `thumbnail`.")


class FunctionChangeSerializer(FunctionFieldsSerializer):
    """What may be changed; of a function in Python only `is_active`."""

    schema_rules: ClassVar = {"minProperties": 1}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Give at least one field.", "empty")
        return attrs


class FunctionSerializer(serializers.ModelSerializer[Function]):
    schema_definition = JsonObject(read_only=True, allow_null=True)
    examples = Examples(read_only=True, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    timeout = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Function
        fields: tuple[str, ...] = (
            *("language_title", "language", "title", "description", "version", "tags", "is_active"),
            *("schema_definition", "examples", "cache_seconds", "timeout", "max_retries"),
            *("created_by", "created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def to_representation(self, instance: Function) -> dict[str, Any]:
        instance.tags = instance.tags or []
        return super().to_representation(instance)


class FunctionFilters(FilterSet):
    language = WordFilter(field_name="language")
    tag = WordFilter(method="filter_tag")
    active = ChoiceFilter(choices=[("true", "true"), ("false", "false")], method="filter_active")
    search = WordFilter(method="filter_search", help_text="In the title or the description.")

    class Meta:
        model = Function
        fields: ClassVar[list[str]] = []

    def filter_tag(self, queryset: QuerySet[Function], name: str, tag: str) -> QuerySet[Function]:
        return queryset.filter(tags__contains=[tag])

    def filter_active(self, queryset: QuerySet[Function], name: str, active: str) -> QuerySet[Function]:
        return queryset.filter(is_active=active == "true")

    def filter_search(self, queryset: QuerySet[Function], name: str, words: str) -> QuerySet[Function]:
        return queryset.filter(Q(title__icontains=words) | Q(description__icontains=words))


def visible_functions(user: Any) -> QuerySet[Function]:
    """Give what the user may call; staff see what is switched off as well."""
    found = Function.objects.all()
    if user.role in STAFF:
        return found
    found = found.filter(is_active=True)
    return found.filter(language__in=user.allowed_languages) if user.allowed_languages else found


@extend_schema(tags=["functions"])
class FunctionViewSet(GenericViewSet[Function]):
    """Everything that can be called by name, in whatever language. Nothing is deleted; it is switched off instead."""

    queryset = Function.objects.none()
    permission_classes = (EveryoneReads,)
    serializer_class = FunctionSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = FunctionFilters
    page_order = "language_title"

    def get_queryset(self) -> QuerySet[Function]:
        return visible_functions(self.request.user)

    @extend_schema(operation_id="functions_list", responses={200: FunctionSerializer(many=True), **described.TOO_BROAD})
    def list(self, request: Request) -> Response:
        """List the functions that you may call, by name; staff see all."""
        with time_limit():
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(FunctionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="functions_create",
        request=NewFunctionSerializer,
        responses={201: OpenApiResponse(FunctionSerializer, "Registered. `Location` is where it is found.")},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Register a function in another language than Python. For operators."""
        body = NewFunctionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        function = functions.register(cast(User, request.user), **body.validated_data)
        response = _answer(function, status.HTTP_201_CREATED)
        response["Location"] = reverse("function", [function.language_title], request=request)
        return response

    @extend_schema(operation_id="functions_retrieve", responses=FunctionSerializer)
    def retrieve(self, request: Request, language_title: str) -> Response:
        """Look at one function."""
        return _answer(self._visible(language_title))

    @extend_schema(
        operation_id="functions_partial_update",
        request=FunctionChangeSerializer,
        parameters=[described.IF_MATCH],
        responses=FunctionSerializer,
    )
    def partial_update(self, request: Request, language_title: str) -> Response:
        """Change a function, or switch it off with `is_active`. Of one in Python nothing else. For operators."""
        version = expected_version(request)
        self._visible(language_title)
        body = FunctionChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changed = functions.change(
            language_title, cast(User, request.user), expected_version=version, **body.validated_data
        )
        return _answer(changed)

    def _visible(self, language_title: str) -> Function:
        function = self.get_queryset().filter(language_title=language_title).first()
        if function is None:
            raise Http404
        return function


def _answer(function: Function, code: int = status.HTTP_200_OK) -> Response:
    tag = etag(functions.version_of(function))
    return Response(FunctionSerializer(function).data, status=code, headers={"ETag": tag})
