"""A workflow as a picture: its steps in columns, each behind all that it waits for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final
from uuid import UUID

WIDTH: Final = 168
HEIGHT: Final = 46
GAP_X: Final = 56
GAP_Y: Final = 18
MARGIN: Final = 10
LONGEST_LABEL: Final = 22


@dataclass(frozen=True, slots=True)
class Node:
    """One step: where its box stands, and what is in it."""

    job_id: UUID
    name: str
    status: str
    x: int
    y: int

    @property
    def label(self) -> str:
        return self.name if len(self.name) <= LONGEST_LABEL else f"{self.name[: LONGEST_LABEL - 1]}…"

    @property
    def tone(self) -> str:
        return self.status.replace("_", "-")

    @property
    def words(self) -> str:
        return self.status.replace("_", " ")

    @property
    def text_x(self) -> int:
        return self.x + 12

    @property
    def name_y(self) -> int:
        return self.y + 20

    @property
    def status_y(self) -> int:
        return self.y + 36


@dataclass(frozen=True, slots=True)
class Line:
    """From a step to one that waits for it."""

    path: str
    condition: str


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: list[Node]
    lines: list[Line]
    width: int
    height: int

    box_width = WIDTH
    box_height = HEIGHT


def graph(names: Mapping[UUID, str], statuses: Mapping[UUID, str], edges: Iterable[tuple[UUID, UUID, str]]) -> Graph:
    """Lay out the steps; edges are (job, the job it depends on, condition), those to other jobs are left out."""
    known = [edge for edge in edges if edge[0] in names and edge[1] in names]
    before: dict[UUID, set[UUID]] = {job_id: set() for job_id in names}
    for job_id, other, _ in known:
        before[job_id].add(other)
    columns: dict[UUID, int] = {}
    for job_id in TopologicalSorter(before).static_order():
        columns[job_id] = 1 + max((columns[other] for other in before[job_id]), default=-1)
    rows: dict[UUID, int] = {}
    filled: dict[int, int] = {}
    # A step stands as high as the first that it waits for, if there is room: fewer lines cross.
    for job_id in sorted(
        columns, key=lambda each: (columns[each], min((rows.get(o, 0) for o in before[each]), default=0))
    ):
        column = columns[job_id]
        rows[job_id] = filled.get(column, 0)
        filled[column] = rows[job_id] + 1
    nodes = {
        job_id: Node(
            job_id,
            names[job_id],
            statuses.get(job_id, "gone"),
            MARGIN + column * (WIDTH + GAP_X),
            MARGIN + rows[job_id] * (HEIGHT + GAP_Y),
        )
        for job_id, column in columns.items()
    }
    lines = [Line(_path(nodes[other], nodes[job_id]), condition) for job_id, other, condition in known]
    width = 2 * MARGIN + (max(columns.values(), default=0) + 1) * (WIDTH + GAP_X) - GAP_X
    height = 2 * MARGIN + max(filled.values(), default=1) * (HEIGHT + GAP_Y) - GAP_Y
    return Graph(list(nodes.values()), lines, width, height)


def _path(left: Node, right: Node) -> str:
    x1, y1, x2, y2 = left.x + WIDTH, left.y + HEIGHT // 2, right.x, right.y + HEIGHT // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"
