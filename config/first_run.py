"""What an empty installation needs before anybody can use it: a login for the operator and an API key."""

import secrets
from dataclasses import dataclass

from django.db import transaction

from accounts import keys
from accounts.models import User
from accounts.roles import Role

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Shown once: the database holds only their hashes."""

    user_id: str
    password: str
    api_key: str


@transaction.atomic
def create_operator() -> Credentials | None:
    """Create the first administrator, unless there is one."""
    if User.objects.filter(role=Role.ADMIN).exists() or User.objects.filter(user_id=OPERATOR).exists():
        return None
    password = secrets.token_urlsafe(15)
    user = User.objects.create_user(OPERATOR, password, name="Operator", role=Role.ADMIN)
    return Credentials(OPERATOR, password, keys.issue(user))
