"""The addresses as the event loop serves them: those whose views wait come before all others."""

from django.urls import include, path

from config import urls

urlpatterns = [path("api/v1/", include("jobs.api.lasting_urls")), *urls.urlpatterns]
