"""Several connections to the test database, each a worker's or a client's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.rows import dict_row

Connect = Callable[..., psycopg.Connection[dict[str, Any]]]


@pytest.fixture
def connect(transactional_db: None) -> Iterator[Connect]:
    parameters = {
        name: value for name, value in connection.get_connection_params().items()
        if name not in ("cursor_factory", "context")
    }  # fmt: skip
    with ExitStack() as opened:
        yield lambda **options: opened.enter_context(
            psycopg.connect(**{**parameters, "autocommit": True, "row_factory": dict_row, **options})
        )
