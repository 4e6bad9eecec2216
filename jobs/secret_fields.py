"""Payloads as people may see them: what a job type's schema marks as secret is hidden, and survives an edit."""

from itertools import zip_longest
from typing import Any, Final

from jobs import catalogue
from jobs.exceptions import InvalidPayload, Violation
from jobs.secret_marks import MASK

__all__ = ["CHANGED", "MASK", "has_secrets", "hide", "hide_edit", "put_back"]

#: What stands in the place of a secret value that an edit has changed.
CHANGED: Final = f"{MASK} (changed)"


def has_secrets(document: Any, job_type: str) -> bool:
    """Tell whether anything in a payload of this job type is hidden."""
    return catalogue.secrets_of(job_type).exist and hide(document, job_type) != document


def hide(document: Any, job_type: str) -> Any:
    """Copy a payload of this job type with the mask in the place of every secret value; null stays null.

    Of a job type that nobody knows any more, or that has no schema, what stands under a telling name is hidden.
    """
    return catalogue.secrets_of(job_type).hide(document)


def hide_edit(edited: Any, original: Any, job_type: str) -> Any:
    """Hide the secrets of an edited payload, and tell which of them are others than in the original."""
    return _compared(hide(edited, job_type), edited, original)


def _compared(hidden: Any, edited: Any, original: Any) -> Any:
    if isinstance(hidden, dict):
        before = original if isinstance(original, dict) else {}
        return {name: _compared(inner, edited[name], before.get(name)) for name, inner in hidden.items()}
    if isinstance(hidden, list):
        before_items = original if isinstance(original, list) else []
        pairs = zip_longest(hidden, edited, before_items[: len(hidden)])
        return [_compared(*items) for items in pairs]
    return CHANGED if hidden == MASK and edited not in (MASK, original) else hidden


def put_back(edited: Any, original: Any, job_type: str) -> Any:
    """Copy an edited payload with what stood in the original in the place of every mask that was left alone.

    Raises InvalidPayload for a mask that stands where none was, or where it could be either of several values.
    """
    marks = catalogue.secrets_of(job_type)
    if not marks.exist:
        return edited
    # Without its masks the edit shows by itself where its secrets are.
    back = _Back(marks.hide(_bare(edited)))
    whole = back.put(edited, original, marks.hide(original), "")
    if back.lost:
        detail = "stands for a secret value that is not known here: type the value itself, or undo what was moved"
        raise InvalidPayload([Violation(pointer, "masked", detail) for pointer in back.lost])
    return whole


class _Back:
    """One walk over an edited document beside the original and what was shown of it."""

    def __init__(self, hidden_edit: Any) -> None:
        self.hidden_edit = hidden_edit
        self.lost: list[str] = []

    def put(self, edited: Any, original: Any, shown: Any, pointer: str) -> Any:
        if edited == MASK:
            return self._value(original, shown, pointer)
        if isinstance(edited, dict):
            return self._object(edited, original, shown, pointer)
        if isinstance(edited, list):
            return self._list(edited, original, shown, pointer)
        return edited

    def _value(self, original: Any, shown: Any, pointer: str) -> Any:
        if shown == MASK:
            return original
        if self._is_secret(pointer):
            self.lost.append(pointer)
        return MASK

    def _is_secret(self, pointer: str) -> bool:
        """Whether the schema has a secret here: elsewhere the mask is a text like any other."""
        place = self.hidden_edit
        for part in pointer.split("/")[1:]:
            if place == MASK:
                return True
            place = place[int(part)] if isinstance(place, list) else place[part.replace("~1", "/").replace("~0", "~")]
        return bool(place == MASK)

    def _object(self, edited: dict[str, Any], original: Any, shown: Any, pointer: str) -> dict[str, Any]:
        before = original if isinstance(original, dict) else {}
        seen = shown if isinstance(shown, dict) else {}
        return {
            name: self.put(
                inner, before.get(name), seen.get(name), f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            )
            for name, inner in edited.items()
        }

    def _list(self, edited: list[Any], original: Any, shown: Any, pointer: str) -> list[Any]:
        before = original if isinstance(original, list) else []
        seen = shown if isinstance(shown, list) else []
        found = []
        for at, inner in enumerate(edited):
            of = _place(edited, at, before, seen)
            one, other = (None, None) if of is None else (before[of], seen[of])
            found.append(self.put(inner, one, other, f"{pointer}/{at}"))
        return found


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bare(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    return "" if value == MASK else value


def _place(edited: list[Any], at: int, before: list[Any], seen: list[Any]) -> int | None:
    """Say which item of the original this one is; None where it could be several with different secrets."""
    alike = [place for place, item in enumerate(seen) if item == edited[at]]
    if at in alike and len(edited) == len(seen):
        return at
    if alike:
        return alike[0] if all(before[place] == before[alike[0]] for place in alike) else None
    # It was edited itself: it is what stood here, unless that has gone elsewhere.
    stayed = len(edited) == len(seen) and seen[at] not in edited
    return at if stayed else None
