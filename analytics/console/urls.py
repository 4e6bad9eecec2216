"""The pages stand among those of the admin, in front of its own addresses."""

from django.urls import path

from analytics.console.views import view

app_name = "analytics"
urlpatterns = [
    path("usage/", view("usage"), name="usage"),
    path("performance/", view("performance"), name="performance"),
    path("errors/", view("errors"), name="errors"),
    path("cache/", view("cache"), name="cache"),
]
