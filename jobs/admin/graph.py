"""A workflow as a picture: its steps in columns, each behind all that it waits for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Final
from uuid import UUID

WIDTH: Final = 208
HEIGHT: Final = 46
GAP_X: Final = 48
GAP_Y: Final = 18
MARGIN: Final = 10
LONGEST_LABEL: Final = 22

#: A step, or where lines from one to later ones pass a column: together, or many lines would need a tall picture.
Place = UUID | tuple[UUID, int]


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
    depths: dict[UUID, int] = {}
    for job_id in TopologicalSorter(before).static_order():
        depths[job_id] = 1 + max((depths[other] for other in before[job_id]), default=-1)
    # Ids are in the order of submission.
    columns: dict[Place, int] = {job_id: depths[job_id] for job_id in sorted(depths)}
    ways = {(job_id, other): _way(job_id, other, columns) for job_id, other, _ in known}
    rows = _rows(columns, ways.values())
    nodes = {
        job_id: Node(
            job_id,
            names[job_id],
            statuses.get(job_id, "gone"),
            MARGIN + columns[job_id] * (WIDTH + GAP_X),
            MARGIN + rows[job_id] * (HEIGHT + GAP_Y),
        )
        for job_id in names
    }
    lines = [Line(_path(ways[job_id, other], columns, rows), condition) for job_id, other, condition in known]
    width = 2 * MARGIN + (max(columns.values(), default=0) + 1) * (WIDTH + GAP_X) - GAP_X
    height = 2 * MARGIN + (max(rows.values(), default=0) + 1) * (HEIGHT + GAP_Y) - GAP_Y
    return Graph(list(nodes.values()), lines, width, height)


def _way(job_id: UUID, other: UUID, columns: dict[Place, int]) -> list[Place]:
    """Lead from one step to the next; in the columns between them the line has places of its own, behind no box."""
    between = range(columns[other] + 1, columns[job_id])
    columns.update({(other, column): column for column in between})
    return [other, *((other, column) for column in between), job_id]


def _rows(columns: Mapping[Place, int], ways: Iterable[Sequence[Place]]) -> dict[Place, int]:
    """Have each step stand as high as the first that it waits for, if there is room: fewer lines cross."""
    before: dict[Place, list[Place]] = {}
    for way in ways:
        for left, right in pairwise(way):
            before.setdefault(right, []).append(left)
    inside: dict[int, list[Place]] = {}
    for place, column in columns.items():
        inside.setdefault(column, []).append(place)
    rows: dict[Place, int] = {}
    for column in sorted(inside):
        highest = {place: min((rows[left] for left in before.get(place, ())), default=0) for place in inside[column]}
        free = 0
        for place in sorted(highest, key=lambda each: highest[each]):
            rows[place] = max(free, highest[place])
            free = rows[place] + 1
    return rows


def _path(way: Sequence[Place], columns: Mapping[Place, int], rows: Mapping[Place, int]) -> str:
    points = [
        (MARGIN + columns[place] * (WIDTH + GAP_X), MARGIN + rows[place] * (HEIGHT + GAP_Y) + HEIGHT // 2)
        for place in way
    ]
    path = f"M{points[0][0] + WIDTH} {points[0][1]}"
    for (left, y1), (right, y2) in pairwise(points):
        middle = (left + WIDTH + right) // 2
        path += f" H{left + WIDTH} C{middle} {y1} {middle} {y2} {right} {y2}"
    return path
