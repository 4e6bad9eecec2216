"""What jobs that belong together are to each other, in plain Python: the model of the workflows' machine."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

CONDITIONS = ("completed", "failed", "ended")
ENDS = ("completed", "failed", "cancelled", "dead_letter")
MET = {
    "completed": {"completed"},
    "failed": {"failed", "dead_letter"},
    "ended": set(ENDS),
}


def word(condition: str, status: str) -> str:
    """Say how a dependency stands; a dead letter may yet be redriven, or declared done."""
    if status in MET[condition]:
        return "met"
    return "open" if status not in ENDS or status == "dead_letter" else "unmet"


@dataclass(eq=False)
class Need:
    """One job waits for another."""

    other: "Node"
    condition: str
    status: str = "open"


@dataclass(eq=False)
class Node:
    """A job."""

    name: str = ""
    parent: "Node | None" = None
    needs: list[Need] = field(default_factory=list)
    status: str = "pending"
    waits: bool = False
    #: Why it was cancelled, if nobody cancelled the job itself.
    why: str | None = None
    asked: bool = False
    #: It tells those that depend on it; they are not told of what happened before.
    followed: bool = False
    #: It waits for jobs that were there before it, and nobody has looked at those.
    begun: bool = False
    #: A person had it run though something that it needs can never be.
    forced: bool = False
    retries: int = 0
    #: How often it may be started, and was.
    granted: int = 1
    started: int = 0

    def ancestors(self) -> "Iterator[Node]":
        node = self.parent
        while node:
            yield node
            node = node.parent

    def stands(self, status: str) -> bool:
        return any(need.status == status for need in self.needs)


class Flows:
    """All jobs, oldest first, and what happens to them."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def be(self, *statuses: str) -> list[Node]:
        """Give the jobs in one of these statuses, the latest first."""
        return [node for node in reversed(self.nodes) if node.status in statuses]

    def startable(self) -> set[Node]:
        return {node for node in self.nodes if node.status == "pending" and not node.waits}

    def submit(self, new: Sequence[Node]) -> None:
        """Add jobs in one transaction."""
        self.nodes += new
        for node in new:
            node.waits = bool(node.needs)
            for need in node.needs:
                need.other.followed |= need.other in new
            if node.parent and node.parent.status == "cancelled":
                node.status, node.why, node.asked = "cancelled", "parent", True
        for node in new:
            for need in node.needs:
                need.status = word(need.condition, need.other.status)
        lost = [node for node in new if node.stands("unmet")]
        for node in new:
            known = all(need.other in new and need.status == "open" for need in node.needs)
            node.begun = node.stands("open") and node not in lost and not known
            if node.status == "pending" and not node.stands("open") and node not in lost:
                node.waits = False
        self._cancel([node for node in lost if node.status == "pending"], "dependency")

    def start(self, node: Node) -> None:
        assert node in self.startable(), f"{node} was started"
        assert node.forced or all(need.status == "met" for need in node.needs)
        node.status = "processing"
        node.started += 1
        assert node.started <= node.granted

    def end(self, node: Node, status: str) -> None:
        """Let an attempt, or a person with a dead letter, end a job."""
        if status == "cancelled" or (node.asked and status == "dead_letter"):
            self._cancel([node], None)
            return
        node.status = status
        self._tell(node)

    def fail(self, node: Node, most_retries: int) -> None:
        """Let an attempt fail that may be repeated."""
        if node.retries == most_retries:
            self.end(node, "dead_letter")
            return
        node.retries += 1
        if node.asked:
            self.end(node, "cancelled")
            return
        node.status = "pending"
        node.granted += 1

    def cancel(self, node: Node) -> None:
        if node.status == "pending":
            self._cancel([node], None)
        elif node.status == "processing" and not node.asked:
            node.asked = True
            self._fell(node)

    def cancel_all(self, nodes: Iterable[Node]) -> None:
        """Cancel the members of a batch."""
        members = list(nodes)
        for node in members:
            if node.status == "processing":
                self.cancel(node)
        self._cancel([node for node in members if node.status == "pending"], "batch")

    def again(self, node: Node) -> None:
        """Put a job back that has ended: a retry, or a redrive."""
        if node.status == "pending":
            return
        node.status, node.why, node.asked, node.retries = "pending", None, False, 0
        node.granted += 1
        if not node.waits:
            return
        for need in node.needs:
            if need.status == "unmet":
                need.status = word(need.condition, need.other.status)
        node.waits = node.begun = node.stands("open") and not node.stands("unmet")
        node.forced = node.stands("unmet")

    def release(self) -> bool:
        """Let go what can go, and cancel what never can; says whether any job was let go."""
        for node in self.nodes:
            if node.begun:
                self._look(node)
        released = False
        while waiting := [node for node in self.nodes if node.status == "pending" and node.waits]:
            lost = [node for node in waiting if node.stands("unmet")]
            free = [node for node in waiting if not node.stands("open") and node not in lost]
            if not lost and not free:
                break
            self._cancel(lost, "dependency")
            for node in free:
                if node.status == "pending":
                    node.waits = False
                    released = True
        return released

    def _look(self, node: Node) -> None:
        node.begun = False
        for need in node.needs:
            if need.status == "open":
                need.other.followed |= need.other.status in {"pending", "processing", "dead_letter"}
                need.status = word(need.condition, need.other.status)

    def _cancel(self, nodes: Sequence[Node], why: str | None) -> None:
        for node in nodes:
            node.status, node.why, node.asked = "cancelled", why, True
        for node in nodes:
            self._tell(node)
            self._fell(node)

    def _fell(self, parent: Node) -> None:
        """Have what has not started fall with the job, at any depth, below jobs too that have ended."""
        for node in self._family(parent):
            if node.status == "pending":
                node.status, node.why, node.asked = "cancelled", "parent", True
                self._tell(node)

    def _family(self, parent: Node) -> Iterator[Node]:
        for node in self.nodes:
            if node.parent is parent:
                yield node
                yield from self._family(node)

    def _tell(self, ended: Node) -> None:
        if not ended.followed:
            return
        for node in self.nodes:
            for need in node.needs:
                if need.other is ended and need.status == "open":
                    need.status = word(need.condition, ended.status)
