"""What the tests of search share."""

from tests.jobs.search.indexed import indexed  # noqa: F401 (a fixture)
