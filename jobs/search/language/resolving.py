"""Names in a query that stand for rows of other tables: the owner's and the workspace's."""

from typing import Final
from uuid import UUID

from django.contrib.auth import get_user_model

from accounts.models import Workspace
from jobs.search.language.fields import FIELDS, OWNER, WORKSPACE, Field, Kind
from jobs.search.language.tree import NOTHING, And, Has, Is, Node, Not, Or

_IDS: Final = {FIELDS["user_id"]: OWNER, FIELDS["workspace"]: WORKSPACE}


def resolve(node: Node) -> Node:
    """Put ids in the place of names, as the caller may see their rows; a name that nobody has is no job's.

    Asks the database once for each kind of name in the tree, and not at all for a tree without any.
    """
    ids = {field: _ids_of(field, wanted) for field, wanted in _names(node).items()}
    return _resolved(node, ids)


def _names(node: Node) -> dict[Field, set[str]]:
    found: dict[Field, set[str]] = {}
    stack = [node]
    while stack:
        match stack.pop():
            case And(parts) | Or(parts):
                stack.extend(parts)
            case Not(part):
                stack.append(part)
            case Is(field, str(name)) if field.kind is Kind.REFERENCE:
                found.setdefault(field, set()).add(name)
    return found


def _ids_of(field: Field, names: set[str]) -> dict[str, UUID]:
    if _IDS[field] is OWNER:
        return dict(get_user_model().objects.filter(user_id__in=names).values_list("user_id", "pk"))
    return dict(Workspace.objects.filter(name__in=names).values_list("name", "pk"))


def _resolved(node: Node, ids: dict[Field, dict[str, UUID]]) -> Node:
    match node:
        case And(parts):
            return And(tuple(_resolved(part, ids) for part in parts))
        case Or(parts):
            return Or(tuple(_resolved(part, ids) for part in parts))
        case Not(part):
            return Not(_resolved(part, ids))
        case Is(field, str(name)) if field.kind is Kind.REFERENCE:
            found = ids[field].get(name)
            return NOTHING if found is None else Is(_IDS[field], found)
        case Has(field) if field.kind is Kind.REFERENCE:
            return Has(_IDS[field])
        case _:
            return node
