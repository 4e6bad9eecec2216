"""A form made of a JSON Schema: what is plain gets a field of its own kind, and everything else is typed as JSON."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise

from jobs.admin import documents
from jobs.exceptions import Violation
from jobs.scrubbing import is_secret_name

#: Names of fields begin with it, so that no property of a schema is taken for a field of the page's own.
PREFIX: Final = "param."
#: A schema with more properties gets one field, for all of it.
MOST_FIELDS: Final = 60
#: Texts that may be longer get room for several lines.
LINE: Final = 200
_UNSET: Final = ("", "–")
_JSON: Final = {"rows": 5, "spellcheck": "false", "class": "json-editor"}
_WHOLE: Final = ""


class SchemaForm(forms.Form):
    """Reads the parameters of a call; `params()` gives them, `blame()` puts what the schema says beside its field."""

    def __init__(self, schema: Mapping[str, Any], *args: Any, start: Mapping[str, Any] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False
        self._readers: dict[str, str] = {}
        start = start or {}
        properties = schema.get("properties")
        if not isinstance(properties, dict) or not 0 < len(properties) <= MOST_FIELDS:
            self._add(_WHOLE, {"title": _("Parameters"), "type": "object"}, False, start)
            return
        required = schema.get("required") if isinstance(schema.get("required"), list) else []
        for name, part in properties.items():
            part = _without_null(part if isinstance(part, dict) else {})
            self._add(name, part, name in (required or []), start.get(name, part.get("default")))

    def _add(self, name: str, part: dict[str, Any], required: bool, start: Any) -> None:
        kind, build = _kind(name, part)
        field = build(part, required)
        field.label = str(part.get("title") or name or _("Parameters"))
        if part.get("description"):
            field.help_text = str(part["description"])
        field.required = required and kind != "text"
        self._readers[name] = kind
        self.fields[PREFIX + name] = field
        if start is not None and kind != "secret":
            self.initial[PREFIX + name] = documents.pretty(start) if kind == "json" else _shown(start)

    def params(self) -> dict[str, Any]:
        """Give what was filled in, as the schema's types have it; what was left empty is left out."""
        found = {name: self._value(name, kind) for name, kind in self._readers.items()}
        if _WHOLE in found:
            whole: dict[str, Any] = found[_WHOLE]
            return whole
        return {name: value for name, value in found.items() if value is not _LEFT_OUT}

    def blame(self, violations: list[Violation]) -> None:
        """Show each violation beside the field that it is about."""
        for violation in violations:
            name, _slash, place = violation.pointer.lstrip("/").partition("/")
            name = name.replace("~1", "/").replace("~0", "~")
            field = PREFIX + (_WHOLE if _WHOLE in self._readers else name)
            where = violation.pointer if _WHOLE in self._readers else f"/{place}" if place else ""
            self.add_error(field if field in self.fields else None, f"{where} {violation.detail}.".strip())

    def _value(self, name: str, kind: str) -> Any:
        value = self.cleaned_data.get(PREFIX + name)
        if kind == "flag":
            return {"true": True, "false": False}.get(value or "", _LEFT_OUT)
        if kind == "choice":
            return _LEFT_OUT if value in (None, "") else self._choices(name)[value]
        return _LEFT_OUT if value in (None, "") else value

    def _choices(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.fields[PREFIX + name].values  # type: ignore[attr-defined]
        return found


class JsonField(forms.CharField):
    """Any JSON, None where nothing was typed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"strip": False, "widget": forms.Textarea(attrs=_JSON), **options})

    def clean(self, value: Any) -> Any:
        return documents.parse_any(super().clean(value))


class ObjectField(JsonField):
    """A JSON object."""

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found is not None and not isinstance(found, dict):
            raise ValidationError(_("This is an object: it begins with { and ends with }."))
        return {} if found is None else found


class EnumField(forms.ChoiceField):
    """One of the values of an enum, whatever their types are."""

    def __init__(self, values: list[Any], **options: Any) -> None:
        #: By the position, because values of two types may look the same.
        self.values = {str(place): value for place, value in enumerate(values)}
        choices = [_UNSET, *((place, str(value)) for place, value in self.values.items())]
        super().__init__(choices=choices, **options)


_LEFT_OUT: Final = object()
_FLAGS: Final[tuple[tuple[str, StrOrPromise], ...]] = (
    _UNSET,
    ("true", gettext_lazy("yes")),
    ("false", gettext_lazy("no")),
)
Build = Callable[[dict[str, Any], bool], forms.Field]


def _kind(name: str, part: dict[str, Any]) -> tuple[str, Build]:
    """Say how a property is filled in, and what makes its field."""
    wanted = part.get("type")
    if _is_secret(name, part) and wanted in ("string", None):
        return "secret", lambda part, required: forms.CharField(
            strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False)
        )
    if name == _WHOLE:
        return "json", lambda part, required: ObjectField(widget=forms.Textarea(attrs={**_JSON, "rows": 14}))
    if isinstance(part.get("enum"), list) and part["enum"]:
        return "choice", lambda part, required: EnumField(part["enum"])
    return _PLAIN.get(wanted if isinstance(wanted, str) else "", ("json", lambda part, required: JsonField()))


def _number(part: dict[str, Any], required: bool) -> forms.Field:
    return forms.FloatField(widget=forms.NumberInput(attrs={**_bounds(part), "step": "any"}))


def _whole_number(part: dict[str, Any], required: bool) -> forms.Field:
    return forms.IntegerField(widget=forms.NumberInput(attrs=_bounds(part)))


def _text(part: dict[str, Any], required: bool) -> forms.Field:
    pickers = {"date": "date", "email": "email", "uri": "url", "time": "time"}
    kind = pickers.get(str(part.get("format", "")), "text")
    short = kind != "text" or (isinstance(part.get("maxLength"), int) and part["maxLength"] <= LINE)
    widget: Any = forms.TextInput(attrs={"type": kind}) if short else forms.Textarea(attrs={"rows": 2})
    hint = _("As 2026-01-31T09:00:00Z.") if part.get("format") == "date-time" else ""
    return forms.CharField(strip=False, widget=widget, help_text=hint)


def _flag(part: dict[str, Any], required: bool) -> forms.Field:
    return forms.ChoiceField(choices=_FLAGS)


_PLAIN: Final[dict[str, tuple[str, Build]]] = {
    "string": ("text", _text),
    "integer": ("number", _whole_number),
    "number": ("number", _number),
    "boolean": ("flag", _flag),
}


def _bounds(part: dict[str, Any]) -> dict[str, Any]:
    names = (("min", "minimum"), ("max", "maximum"))
    return {attribute: part[name] for attribute, name in names if isinstance(part.get(name), int | float)}


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    """Take what may be null as what it is otherwise: an empty field leaves it out."""
    branches = [one for one in part.get("anyOf") or [] if isinstance(one, dict) and one.get("type") != "null"]
    if len(branches) == 1 and len(part["anyOf"]) == 2:
        return {**{name: value for name, value in part.items() if name != "anyOf"}, **branches[0]}
    if isinstance(part.get("type"), list):
        kinds = [kind for kind in part["type"] if kind != "null"]
        return {**part, "type": kinds[0] if len(kinds) == 1 else None}
    return part


def _is_secret(name: str, part: dict[str, Any]) -> bool:
    marked = part.get("x-secret") is True or part.get("writeOnly") is True or part.get("format") == "password"
    return marked or is_secret_name(name)


def _shown(value: Any) -> Any:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value
