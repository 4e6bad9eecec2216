from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from accounts.permissions import IsAdmin, IsOperator, IsOperatorOrReads, IsStaff, IsWorker, MayWrite
from accounts.roles import Role


def allowed(permission, method):
    found = {role.value for role in Role if permission().has_permission(request(User(role=role), method), None)}
    assert not permission().has_permission(request(AnonymousUser(), method), None)
    return found


def request(user, method):
    return SimpleNamespace(user=user, method=method)


@pytest.mark.parametrize(
    ("permission", "reads", "writes"),
    [
        (IsAdmin, {"admin"}, {"admin"}),
        (IsOperator, {"admin", "operator"}, {"admin", "operator"}),
        (IsWorker, {"admin", "worker"}, {"admin", "worker"}),
        (IsStaff, {"admin", "operator", "viewer"}, {"admin", "operator", "viewer"}),
        (IsOperatorOrReads, {"admin", "operator", "viewer"}, {"admin", "operator"}),
        (MayWrite, {"admin", "operator", "viewer", "user", "worker"}, {"admin", "operator", "user", "worker"}),
    ],
)
def test_who_may(permission, reads, writes):
    assert allowed(permission, "GET") == reads
    assert allowed(permission, "POST") == writes


def test_the_refusal_names_the_roles():
    assert IsOperator().message == "This needs the role admin or operator."
