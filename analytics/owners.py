"""Whose job it was: jobs know their owner by primary key, the request log by user_id."""

from collections.abc import Collection
from typing import Final

from accounts.models import User
from accounts.row_security import acting_as_system

#: A user_id does not change, so it is asked for once.
_known: Final[dict[str, str]] = {}
MOST_KNOWN: Final = 10_000


def user_ids(pks: Collection[str]) -> dict[str, str]:
    """Give the user_id of each primary key; of users who are gone there is none."""
    unknown = {pk for pk in pks if pk not in _known}
    if unknown:
        with acting_as_system():
            found = {str(pk): name for pk, name in User.objects.filter(pk__in=unknown).values_list("pk", "user_id")}
        if len(_known) + len(found) > MOST_KNOWN:
            _known.clear()
        _known.update(found)
    return {pk: _known[pk] for pk in pks if pk in _known}
