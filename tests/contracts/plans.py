"""What PostgreSQL means to do: the statements that a piece of code sends, and the plans it chooses for them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction


@dataclass(frozen=True)
class Plan:
    """One plan as EXPLAIN (FORMAT JSON) gives it."""

    root: dict[str, Any]

    def nodes(self, under: str | None = None) -> Iterator[dict[str, Any]]:
        """Give every node, or those below the nodes of one type."""
        stack = [(self.root, under is None)]
        while stack:
            node, inside = stack.pop()
            if inside:
                yield node
            stack += [(child, inside or node["Node Type"] == under) for child in node.get("Plans", [])]

    def indexes(self, table: str) -> set[str]:
        """Name the indexes that the plan reads or decides conflicts by, of one table."""
        found = {
            node["Index Name"] for node in self.nodes() if "Index Name" in node and node.get("Relation Name") == table
        }
        for node in self.nodes():
            if node.get("Relation Name") == table:
                found |= set(node.get("Conflict Arbiter Indexes", []))
            if node["Node Type"] == "Bitmap Heap Scan" and node["Relation Name"] == table:
                found |= {child["Index Name"] for child in node["Plans"] if "Index Name" in child}
        return found

    def read_whole(self) -> set[str]:
        """Name the tables that the plan reads from end to end."""
        return {node["Relation Name"] for node in self.nodes() if node["Node Type"] == "Seq Scan"}

    def sorts(self, under: str | None = None) -> bool:
        return any("Sort" in node["Node Type"] for node in self.nodes(under))


def plans_of(work: Callable[[], Any]) -> list[Plan]:
    """Run the code, take back what it wrote, and explain each statement that it sent."""
    sent: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            sent.append((sql, params))
        return execute(sql, params, many, context)

    with transaction.atomic():
        with connection.execute_wrapper(note):
            work()
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        plans = []
        for sql, params in sent:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            ((found,),) = cursor.fetchall()
            plans.append(Plan((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))
    return plans


def nested_plans(work: Callable[[], Any], analyze: bool = False) -> list[Plan]:
    """Run the code, take back what it wrote, and give the plans of the statements inside the functions it called.

    With `analyze` the plans say how many rows each step gave.
    """
    logged: list[str] = []
    connection.ensure_connection()
    raw = connection.connection
    raw.add_notice_handler(handler := lambda notice: logged.append(notice.message_primary))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOAD 'auto_explain'")
            for name, value in {
                "auto_explain.log_min_duration": "0",
                "auto_explain.log_nested_statements": "on",
                "auto_explain.log_format": "json",
                "auto_explain.log_analyze": "on" if analyze else "off",
                "client_min_messages": "log",
            }.items():
                cursor.execute(f"SET LOCAL {name} = '{value}'")
            work()
            transaction.set_rollback(True)
    finally:
        raw.remove_notice_handler(handler)
    return [Plan(json.loads(text.partition("plan:\n")[2])["Plan"]) for text in logged if "plan:\n" in text]
