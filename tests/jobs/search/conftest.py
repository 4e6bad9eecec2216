"""What the tests of search share."""

from tests.jobs.search.indexed import indexed  # noqa: F401 (a fixture)
from tests.jobs.search.searches import ada, client, counted  # noqa: F401 (fixtures)
