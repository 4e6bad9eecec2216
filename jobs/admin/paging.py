from functools import cached_property
from typing import Any, Final

from django.core.paginator import Paginator

#: Rows of a list are counted and paged up to here; behind that a filter or the time window is the way.
CAP: Final = 10_000


class CappedPaginator(Paginator[Any]):
    """Counts at most CAP + 1 rows, in the list's own order, so that a list costs the same with any history.

    The cap bounds OFFSET too. The order is kept inside the count: it makes the planner walk the primary key
    and stop, where an unordered count may read the whole table.
    """

    @cached_property
    def counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.values("pk")[: CAP + 1].count())

    @property
    def capped(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.counted > CAP

    @cached_property
    def count(self) -> int:
        return min(self.counted, CAP)
