"""A supervisor that changes the number of its worker processes: it reads, decides by the policy, and acts."""

import logging
import signal
import time
from collections.abc import Sequence
from typing import Any, Final

from jobs.worker.scaling.machine import Machine
from jobs.worker.scaling.policy import Decision, Reading, Rules, State, decide
from jobs.worker.scaling.watch import Identity, Watch
from jobs.worker.seat import Seat
from jobs.worker.supervisor import Supervisor

_logger = logging.getLogger(__name__)

#: Between two decisions; less where the pauses between two changes are short.
INTERVAL: Final = 2.0
#: What has not been read anew for so many intervals, and so many seconds, is not known any more.
STALE_INTERVALS: Final = 3
STALE_SECONDS: Final = 15.0
#: How often the log says what keeps from adding processes.
CAPPED_SECONDS: Final = 60.0
#: How long a supervisor that ends waits for the database to hear of it.
SIGN_OFF_SECONDS: Final = 3.0


class Autoscaler(Supervisor):
    """Has from `rules.least` to `rules.most` processes of `command`; those that end on its word count until they do."""

    def __init__(
        self, command: Sequence[str], rules: Rules, identity: Identity, grace: float, machine: Machine | None = None
    ) -> None:
        super().__init__(command, rules.least, grace)
        self.rules = rules
        self.identity = identity
        self._machine = machine or Machine(rules.memory_limit)
        self._interval = min(INTERVAL, rules.up_pause / 2)
        self._due = 0.0
        self._state = State()
        self._told: Decision | None = None
        self._capped_at = -CAPPED_SECONDS
        self._added = self._drained = self._replaced_before = 0
        self._watch = Watch(identity, self._interval, self.status)

    def run(self) -> int:
        _logger.info(
            "supervisor %s has %s to %s worker processes of %s slots",
            self.identity.id, self.rules.least, self.rules.most, self.rules.slots,
        )  # fmt: skip
        self._watch.start()
        return super().run()

    def new_seat(self) -> Seat:
        return Seat(self.command, scaled=True)

    def tend(self) -> None:
        """Decide anew when it is time, and act."""
        self._replaced_before += sum(seat.replaced for seat in self.seats if seat.done)
        self.seats = [seat for seat in self.seats if not seat.done]
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + self._interval
        decision, self._state = decide(self.rules, self._read(now), self._state, now)
        self._act(decision)

    def end(self) -> int:
        """Stop all, as any supervisor does, and say so in the database if that is there."""
        code = super().end()
        self._watch.stop(SIGN_OFF_SECONDS)
        return code

    def status(self) -> dict[str, Any]:
        """Say how it stands: the columns of its row that change."""
        staying = len(self._staying())
        return {
            "least": self.rules.least,
            "most": self.rules.most,
            "target": self._told.target if self._told else self.rules.least,
            "actual": staying,
            "draining": len(self.seats) - staying,
            "added": self._added,
            "drained": self._drained,
            "replaced": self._replaced_before + sum(seat.replaced for seat in self.seats),
            "reason": self._told.reason if self._told else "",
        }

    def _staying(self) -> list[Seat]:
        return [seat for seat in self.seats if not seat.leaving]

    def _held(self) -> dict[int, int] | None:
        """Give the jobs in the hands of each process that has signed on; None while the database does not say."""
        known = self._watch.latest
        stale = max(STALE_SECONDS, STALE_INTERVALS * self._interval)
        return dict(known.held) if known and time.monotonic() - known.read_at < stale else None

    def _read(self, now: float) -> Reading:
        staying = self._staying()
        machine = self._machine.read([seat.pid for seat in self.seats if seat.pid is not None and seat.running])
        known, held = self._watch.latest, self._held()
        at_work = [held[seat.pid] for seat in staying if held and seat.pid in held]
        return Reading(
            seats=len(staying),
            draining=len(self.seats) - len(staying),
            starting=len(staying) - len(at_work),
            age=known.age if known else 0.0,
            due=known.due if known else 0,
            busy=sum(min(jobs, self.rules.slots) for jobs in at_work),
            cpu=machine.cpu,
            own_cpu=machine.own_cpu,
            memory=machine.memory,
            memory_room=machine.memory_room,
            connection_room=known.connection_room if known else 0,
            answered=held is not None,
        )

    def _act(self, decision: Decision) -> None:
        before = len(self._staying())
        now = time.monotonic()
        if decision.target != before:
            words = "from %s to %s worker processes: %s"
            _logger.info(words, before, decision.target, decision.reason, extra=self._fields(decision))
        elif decision.why == "capped" and now - self._capped_at > CAPPED_SECONDS:
            self._capped_at = now
            _logger.info("still %s worker processes: %s", before, decision.reason, extra=self._fields(decision))
        self._told = decision
        for _ in range(decision.target - before):
            self._added += 1
            self.seats.append(self.new_seat())
        for _ in range(before - decision.target):
            self._drained += 1
            self._drain(decision.patient)

    def _fields(self, decision: Decision) -> dict[str, Any]:
        return {"supervisor": self.identity.id, "processes": decision.target, "why": decision.why}

    def _drain(self, patient: bool) -> None:
        """Tell the process to end that has the least to do; what has not signed on has nothing."""
        held = self._held() or {}
        seat = min(self._staying(), key=lambda seat: (held.get(seat.pid or 0, -1), -seat.started_at))
        if patient:
            seat.leave(signal.SIGUSR1)
        else:
            seat.leave(signal.SIGTERM, within=self.grace)
