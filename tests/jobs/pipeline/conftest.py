from pathlib import Path
from typing import Any, Final

import pytest

from accounts.models import User
from tests.factories import UserFactory
from tests.jobs.articles.conftest import PAGES

HANDBOOK: Final = "debian-handbook-release-lifecycle.en.html"
DUTIES: Final = "developers-reference-duties.ja.html"


def html(name: str) -> str:
    return Path(PAGES / name).read_text()


@pytest.fixture
def ada(db: Any) -> User:
    return UserFactory(user_id="ada")


@pytest.fixture
def bob(db: Any) -> User:
    return UserFactory(user_id="bob")
