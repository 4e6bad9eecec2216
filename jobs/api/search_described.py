"""What a search is asked with, and what its answer is made of, for the API's description."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from jobs.api.job import ListedJobSerializer
from jobs.search.asking import MOST_COUNTED, MOST_VALUES, Source
from jobs.search.language.fields import FACETS, Kind
from jobs.search.sorting import SORTS

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
#: Of a query.
LONGEST: Final = 2_048
SOURCES: Final = [(source.value, source.value) for source in Source]

_MOMENT: Final = {"type": "string", "format": "date-time"}


def _parameter(name: str, description: str, schema: dict[str, Any], **how: Any) -> OpenApiParameter:
    return OpenApiParameter(name, schema, description=description, **how)


PARAMETERS: Final = (
    _parameter("q", "The query; empty is every job.", {"type": "string", "maxLength": LONGEST}),
    _parameter("sort", "The order; `-` in front is the largest first.", {"type": "string", "enum": list(SORTS)}),
    _parameter("cursor", "`page.next` or `page.prev` of an earlier answer to the same search.", {"type": "string"}),
    _parameter(
        "limit",
        "Jobs per page.",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    _parameter(
        "facets",
        "Fields whose values are to be counted, separated by commas.",
        {"type": "array", "items": {"type": "string", "enum": list(FACETS)}, "minItems": 1},
        explode=False,
        style="form",
    ),
    _parameter("from", "Only jobs that were submitted then or later.", _MOMENT),
    _parameter("to", "Only jobs that were submitted before.", _MOMENT),
)


class SearchPageSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="The value of `cursor` for that page.")
    prev = serializers.CharField(allow_null=True, help_text="The value of `cursor` for that page.")


class TotalSerializer(serializers.Serializer[Any]):
    value = serializers.IntegerField(min_value=0, max_value=MOST_COUNTED)
    relation = serializers.ChoiceField(
        choices=["eq", "gte"], help_text="`eq`: so many; `gte`: at least so many, nobody has counted further."
    )


class FacetValueSerializer(serializers.Serializer[Any]):
    value = serializers.JSONField(help_text="A text or a number.")
    count = serializers.IntegerField(min_value=1)


class FacetSerializer(serializers.Serializer[Any]):
    values = FacetValueSerializer(many=True, help_text=f"The {MOST_VALUES} most frequent.")
    more = serializers.BooleanField(help_text="There are other values.")
    newest = serializers.IntegerField(
        allow_null=True, help_text="Only so many of the newest hits were counted; null: all of them."
    )


class HighlightSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    text = serializers.CharField(help_text="A piece of the field's text, plain: escape it before you show it.")
    spans = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(min_value=0), min_length=2, max_length=2),
        help_text="Beginning and end of what matched in it, in characters (code points).",
    )


class SearchAnswerSerializer(serializers.Serializer[Any]):
    """What a search found."""

    # Serializers have a method and an attribute of these names.
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        source = serializers.ChoiceField(choices=SOURCES, help_text="Who found them.")
        return {"data": ListedJobSerializer(many=True), **super().get_fields(), "source": source}

    page = SearchPageSerializer()
    degraded = serializers.BooleanField(help_text="A search engine is configured, and PostgreSQL had to answer.")
    as_of = serializers.DateTimeField(help_text="All changes until then are in the answer.")
    total = TotalSerializer()
    facets = serializers.DictField(child=FacetSerializer(), help_text="By field, those that were asked for.")
    highlights = serializers.DictField(
        child=HighlightSerializer(many=True), help_text="Why they were found, by the job's id."
    )


class SearchFieldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    description = serializers.CharField()
    aliases = serializers.ListField(child=serializers.CharField(), help_text="Other names of it.")
    choices = serializers.ListField(child=serializers.CharField(), help_text="All values there are; empty: any.")
    several_values = serializers.BooleanField(help_text="A job may have several, of which one has to fit.")
    leading_wildcard = serializers.BooleanField(help_text="A wildcard may lead.")
    facet = serializers.BooleanField(help_text="Its values can be counted.")


class SearchFieldsSerializer(serializers.Serializer[Any]):
    """What a query may ask."""

    # A property of serializers is called `fields`.
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        sorts = serializers.ListField(child=serializers.ChoiceField(choices=list(SORTS)))
        return {"fields": SearchFieldSerializer(many=True), "sorts": sorts}
