from __future__ import annotations

from typing import Any

from accounts.permissions import RolePermission
from accounts.roles import STAFF, Role


class MayAsk(RolePermission):
    """Staff see what everyone used, users what they used themselves; a worker's program has nothing to ask."""

    roles = frozenset(Role) - {Role.WORKER}


def whose(user: Any) -> str:
    """Give the user whose figures somebody sees, as the roll-ups name them: '' is everyone."""
    return "" if user.role in STAFF else str(user.user_id)
