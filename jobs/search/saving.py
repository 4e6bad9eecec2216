"""Queries that people keep: saved under a name, for themselves or for everybody of the staff."""

from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.roles import Role
from jobs.exceptions import InvalidOption
from jobs.models import SavedSearch
from jobs.models.audit import audit
from jobs.search.language.parsing import parse

#: As many as one person may keep: they are all listed beside the box.
MOST: Final = 100


@transaction.atomic
def save(user: Any, name: str, query: str, *, shared: bool = False) -> SavedSearch:
    """Keep a query under a name; one that its owner has already becomes this query.

    Raises QueryError for a query that means nothing, InvalidOption for a name, or for one search too many.
    """
    name, query = name.strip(), query.strip()
    _check(user, name, query)
    parse(query)
    saved, made = SavedSearch.objects.update_or_create(
        user=user, name=name, defaults={"query": query, "shared": shared}
    )
    audit(user, "create" if made else "change", saved, name=name, query=query, shared=shared)
    return saved


@transaction.atomic
def delete(search_id: UUID, actor: Any, reason: str = "") -> SavedSearch:
    """Delete one of the actor's own, or as an administrator one that somebody shares; gives what it was.

    Raises SavedSearch.DoesNotExist when there is none that the actor may delete.
    """
    searches = SavedSearch.objects.select_for_update(of=("self",)).offered_to(actor)
    saved = searches.get(pk=search_id)
    if not may_delete(saved, actor):
        raise SavedSearch.DoesNotExist
    audit(actor, "delete", saved, reason, name=saved.name, query=saved.query, shared=saved.shared)
    SavedSearch.objects.filter(pk=saved.pk).delete()
    return saved


def may_delete(saved: SavedSearch, actor: Any) -> bool:
    """Say whether it is this person's to delete; people leave, and administrators tidy up after them."""
    return saved.user_id == actor.pk or (saved.shared and actor.role == Role.ADMIN)


def _check(user: Any, name: str, query: str) -> None:
    longest = SavedSearch._meta.get_field("name").max_length or 0
    if not 0 < len(name) <= longest or not name.isprintable():
        raise InvalidOption("name", f"must have 1 to {longest} characters, all of which can be seen.")
    if not query:
        raise InvalidOption("query", "must not be empty: there is nothing to save.")
    others = SavedSearch.objects.filter(user=user).exclude(name=name)
    if others.count() >= MOST:
        raise InvalidOption("name", f"is one too many: delete one of your {MOST} searches first.")
