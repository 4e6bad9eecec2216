"""What each role may do. Whose objects somebody sees is up to the querysets: those of others are simply not found."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.roles import Role


class RolePermission(BasePermission):
    """Base class: allow only some roles. Do not use directly."""

    roles: ClassVar[frozenset[Role]] = frozenset()
    code = "role-missing"

    @property
    def message(self) -> str:
        names = " or ".join(sorted(role.value for role in self.roles))
        return f"This needs the role {names}."

    def has_permission(self, request: Request, view: Any) -> bool:
        return getattr(request.user, "role", None) in self.roles


class IsAdmin(RolePermission):
    roles = frozenset({Role.ADMIN})


class IsOperator(RolePermission):
    """Acts on everyone's jobs."""

    roles = frozenset({Role.ADMIN, Role.OPERATOR})


class IsWorker(RolePermission):
    roles = frozenset({Role.ADMIN, Role.WORKER})


class IsStaff(RolePermission):
    """Sees everyone's jobs."""

    roles = frozenset({Role.ADMIN, Role.OPERATOR, Role.VIEWER})


class IsOperatorOrReads(RolePermission):
    """Staff read; only operators change."""

    roles = IsOperator.roles

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return IsStaff().has_permission(request, view)
        return super().has_permission(request, view)


class EveryoneReads(IsOperator):
    """Everyone who is logged in reads; only operators change."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return getattr(request.user, "role", None) in Role
        return super().has_permission(request, view)


class MayWrite(RolePermission):
    """Everyone who is logged in reads; a viewer changes nothing."""

    roles = frozenset(Role) - {Role.VIEWER}

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return getattr(request.user, "role", None) in Role
        return super().has_permission(request, view)
