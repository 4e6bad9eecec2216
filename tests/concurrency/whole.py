"""What a queue of jobs should be that wait for each other, share keys and limits, have tasks, and are told events."""

from dataclasses import dataclass, field

#: How many jobs of a key run at a time.
LIMITS = {"one": 1, "two": 2}
UNFINISHED = {"pending", "processing"}
SETTLED = {"completed", "failed", "cancelled", "dead_letter"}


@dataclass
class Edge:
    on: str
    condition: str
    status: str


@dataclass
class Life:
    max_retries: int
    key: str | None = None
    unique: str | None = None
    edges: list[Edge] = field(default_factory=list)
    status: str = "pending"
    waits: str | None = None
    retries: int = 0
    token: int | None = None
    expired: bool = False
    wanted: bool = False
    letters: int = 0
    version: int = 0
    #: Its end is told to those that depend on it.
    followed: bool = False
    #: Nobody has yet looked at what it depends on since it was submitted.
    begins: bool = False
    #: Positions of finished calls.
    calls: set[int] = field(default_factory=set)
    #: Events sent and not taken, waits that are over, and whether one is open.
    events: int = 0
    taken: int = 0
    open_wait: bool = False

    def tasks(self) -> int:
        return len(self.calls) + self.taken + self.open_wait


def settled(condition: str, status: str) -> str:
    """Tell what a dependency is once its job has this status."""
    if status not in SETTLED:
        return "open"
    if condition == "ended":
        return "met"
    if condition == "completed":
        return {"completed": "met", "dead_letter": "open"}.get(status, "unmet")
    return "met" if status in {"failed", "dead_letter"} else "unmet"


@dataclass
class Whole:
    """All jobs, and what moves do to them."""

    lives: dict[str, Life] = field(default_factory=dict)

    def edges_on(self, job: str) -> list[Edge]:
        return [edge for life in self.lives.values() for edge in life.edges if edge.on == job]

    def holder(self, unique: str | None, besides: str = "") -> str | None:
        """Name the job that has a unique key."""
        holders = [
            job for job, life in self.lives.items()
            if unique and life.unique == unique and life.status in UNFINISHED and job != besides
        ]  # fmt: skip
        assert len(holders) <= 1
        return holders[0] if holders else None

    def running(self, key: str | None) -> int:
        return sum(life.key == key and life.status == "processing" for life in self.lives.values())

    def startable(self) -> dict[str, Life]:
        """Give the jobs that a claim may take, each by itself."""
        return {
            job: life for job, life in self.lives.items()
            if life.status == "pending" and life.waits is None
            and (life.key is None or self.running(life.key) < LIMITS[life.key])
        }  # fmt: skip

    def add(self, job: str, life: Life) -> None:
        for edge in life.edges:
            edge.status = settled(edge.condition, self.lives[edge.on].status)
        self.lives[job] = life
        if any(edge.status == "unmet" for edge in life.edges):
            life.status = "cancelled"
        elif any(edge.status == "open" for edge in life.edges):
            life.waits, life.begins = "jobs", True

    def move(self, job: str, status: str, told: list[Edge] | None = None) -> None:
        """Give the job a status; `told` are the dependencies that its end reaches, if not all that there are."""
        life = self.lives[job]
        life.status, life.waits = status, None
        life.token, life.expired = None, False
        for edge in self.edges_on(job) if told is None else told:
            if life.followed and edge.status == "open":
                edge.status = settled(edge.condition, status)

    def put_back(self, job: str, charged: bool, told: list[Edge] | None = None) -> None:
        life = self.lives[job]
        life.retries += charged
        self.move(job, "cancelled" if life.wanted else "pending", told)

    def fail(self, job: str, told: list[Edge] | None = None) -> None:
        life = self.lives[job]
        if life.retries < life.max_retries:
            self.put_back(job, charged=True, told=told)
        elif life.wanted:
            self.move(job, "cancelled", told)
        else:
            life.letters += 1
            self.move(job, "dead_letter", told)

    def suspend(self, job: str, told: list[Edge] | None = None) -> None:
        self.put_back(job, charged=False, told=told)
        life = self.lives[job]
        if life.status == "pending" and life.open_wait and not life.events:
            life.waits = "event"

    def release(self) -> None:
        """Let go what has nothing to wait for, and give up what waits in vain, with all that waits for that."""
        waiting = {job: life for job, life in self.lives.items() if life.waits == "jobs"}
        for life in waiting.values():
            for edge in life.edges if life.begins else ():
                if edge.status == "open":
                    on = self.lives[edge.on]
                    on.followed = on.followed or on.status in UNFINISHED | {"dead_letter"}
                    edge.status = settled(edge.condition, on.status)
            life.begins = False
        for job, life in waiting.items():
            if any(edge.status == "unmet" for edge in life.edges):
                life.wanted = True
                self.move(job, "cancelled")
                self.release()
                return
            if all(edge.status == "met" for edge in life.edges):
                life.waits = None
