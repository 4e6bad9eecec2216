from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses fields it would ignore: a typing mistake is no silent success."""

    #: Keywords of JSON Schema for rules between the fields; whoever sets them enforces them in `validate`.
    schema_rules: ClassVar[dict[str, Any]] = {}

    @classmethod
    def checked(cls, data: Any) -> dict[str, Any]:
        """Give the checked values of a body; raises ValidationError.

        All bodies share one serializer: making its fields takes longer than most checks. So nothing in it may go by a
        context, or keep anything of a body.
        """
        try:
            return dict(_shared(cls).run_validation(data))
        except ValidationError:
            # Said by a fresh one, which knows more forms of saying it.
            fresh = cls(data=data)
            fresh.is_valid(raise_exception=True)
            return dict(fresh.validated_data)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            errors = {name: [self._refusal(name)] for name in data if name not in self._writable_names}
            if errors:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    @cached_property
    def _writable_names(self) -> set[str]:
        return {name for name, field in self.fields.items() if not field.read_only}

    def _refusal(self, name: str) -> ErrorDetail:
        if name in self.fields:
            return ErrorDetail("This field cannot be set.", code="read-only")
        return ErrorDetail("There is no such field.", code="unknown-field")


@cache
def _shared(kind: type[StrictSerializer]) -> StrictSerializer:
    return kind()
