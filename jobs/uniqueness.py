"""What makes two jobs the same, for how long, and what becomes of the second one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, Literal, Self, get_args

from jobs.exceptions import InvalidOption
from jobs.payloads import check_text
from jobs.statuses import Status

Mode = Literal["skip", "replace", "raise", "debounce"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
#: Those that write to the waiting holder.
REPLACING: Final = frozenset({"replace", "debounce"})

#: The unfinished ones: what a plain `unique_key` means, and NULL in the column.
USUAL_STATES: Final = (Status.PENDING.value, Status.PROCESSING.value)
LONGEST_PERIOD: Final = timedelta(days=366).total_seconds()
MAX_FIELDS: Final = 20
FIELD_MAX_LENGTH: Final = 255
_KNOWN: Final = frozenset({"fields", "period", "states", "mode"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """At most one job of a type and user for these fields of the payload; None is the whole payload.

    The first job holds the key while its status is one of `states`, and no longer than `period` (seconds or a
    timedelta) after it was submitted. The second one is not added: with "skip" its caller is given the first, with
    "raise" UniqueKeyTaken. With "replace" a first one that still waits becomes what the second would have been;
    "debounce" is the same, with a delay that so begins anew each time. Raises InvalidOption.
    """

    fields: Sequence[str] | None = None
    period: float | timedelta | None = None
    states: Sequence[str] = USUAL_STATES
    mode: Mode = "skip"

    def __post_init__(self) -> None:
        _check_fields(self.fields)
        _check_states(self.states)
        if self.mode not in MODES:
            raise InvalidOption("unique", f"mode must be one of {', '.join(MODES)}.")
        if self.period is not None:
            _check_period(self.period)
        # Whatever it was made of, it is a value that can be compared and kept.
        if self.fields is not None:
            object.__setattr__(self, "fields", tuple(self.fields))
        object.__setattr__(self, "states", tuple(str(state) for state in Status.values if state in self.states))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Read the form it has in JSON; raises InvalidOption."""
        if unknown := given.keys() - _KNOWN:
            raise InvalidOption("unique", f"has no member {min(unknown)!r}.")
        return cls(**given)

    @property
    def seconds(self) -> float | None:
        return self.period.total_seconds() if isinstance(self.period, timedelta) else self.period

    @property
    def own_states(self) -> list[str] | None:
        """Give what the column says: None for the usual ones."""
        return None if set(self.states) == set(USUAL_STATES) else list(self.states)

    def key(self, payload_text: str) -> str:
        """Derive the key from a payload's JSON: the same for equal values, in whatever order and form they came."""
        payload = json.loads(payload_text, parse_float=_number)
        if self.fields is not None:
            payload = {name: payload[name] for name in self.fields if name in payload}
        canonical = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return f"payload {sha256(canonical.encode()).hexdigest()}"


def _number(text: str) -> float | int:
    """Read 2.0 as 2: JSON has one kind of number, and other languages write whole ones either way."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _check_fields(fields: Any) -> None:
    if fields is None:
        return
    if isinstance(fields, str) or not isinstance(fields, Sequence) or not 0 < len(fields) <= MAX_FIELDS:
        raise InvalidOption("unique", f"fields must be a list of 1 to {MAX_FIELDS} names of the payload's members.")
    for name in fields:
        if not isinstance(name, str) or not 0 < len(name) <= FIELD_MAX_LENGTH or check_text(name):
            raise InvalidOption("unique", f"fields must be names of 1 to {FIELD_MAX_LENGTH} characters.")


def _check_period(period: Any) -> None:
    seconds = period.total_seconds() if isinstance(period, timedelta) else period
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 < seconds <= LONGEST_PERIOD:
        raise InvalidOption("unique", "period must be a number of seconds above 0, at most 366 days.")


def _check_states(states: Any) -> None:
    if isinstance(states, str) or not isinstance(states, Sequence) or any(one not in Status.values for one in states):
        raise InvalidOption("unique", f"states must be a list of {', '.join(Status.values)}.")
    if Status.PENDING not in states:
        raise InvalidOption("unique", "states must name pending.")
    # In between the key could become another's, and then the job could not end.
    if len(set(states)) > 1 and Status.PROCESSING not in states:
        raise InvalidOption("unique", "states must name processing, if any other than pending.")
