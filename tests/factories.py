"""Lawful rows for tests."""

import factory
from factory.django import DjangoModelFactory

from accounts.models import User


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    user_id = factory.Sequence(lambda n: f"user{n}")
    rate_limit_per_minute = 10_000
