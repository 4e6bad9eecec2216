"""Environment variables, read one at a time: a wrong one is reported by its name and by what is wanted instead."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import environ

from config.exceptions import InvalidSetting

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")

#: A name that starts like one of ours but is not one of ours is a typing mistake, and is reported.
OUR_PREFIXES = ("JOB_QUEUE_", "RATE_LIMIT_", "SPEECH_", "AI_", "ELASTICSEARCH_")


def duration(text: str) -> float:
    """Turn `5s`, `5m`, `250ms`, `1h` or a bare number of seconds into seconds."""
    match = DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return float(match[1]) * UNITS[match[2] or "s"]


class Reader:
    """Read one variable at a time and say what is wrong with it in one sentence."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.env = environ.Env()
        self.env.ENVIRON = dict(environment)
        self.names: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        self.names.add(name)
        return str(self.env.str(name, default=default)).strip()

    def words(self, name: str, default: list[str]) -> list[str]:
        self.names.add(name)
        return [word.strip() for word in self.env.list(name, default=default) if word.strip()]

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise InvalidSetting(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name, str(default)).lower()
        if value not in TRUE | FALSE:
            raise InvalidSetting(f"{name} must be true or false, not {value!r}.")
        return value in TRUE

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        value = self.text(name, str(default))
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value) or not least <= int(value) <= most:
            raise InvalidSetting(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
        return int(value)

    def whole_or_none(self, name: str, least: int, most: int) -> int | None:
        return self.whole(name, least, least, most) if self.text(name) else None

    def seconds(self, name: str, default: str, least: float, most: float) -> float:
        value = self.text(name, default)
        try:
            seconds = duration(value)
        except ValueError:
            raise InvalidSetting(f"{name} must be a duration such as 250ms, 5s, 5m or 1h, not {value!r}.") from None
        if not least <= seconds <= most:
            raise InvalidSetting(f"{name} must be between {least:g} and {most:g} seconds, not {value!r}.")
        return seconds

    def json_object(self, name: str) -> dict[str, Any]:
        text = self.text(name)
        try:
            value = json.loads(text) if text else {}
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise InvalidSetting(f'{name} must be a JSON object such as {{"bucket_name": "ekiden"}}.')
        return value

    def dollars(self, name: str, default: str, most: int) -> Decimal:
        value = self.text(name, default)
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) or Decimal(value) > most:
            raise InvalidSetting(f"{name} must be an amount of US dollars from 0 to {most}, not {value!r}.")
        return Decimal(value)

    def refuse_unknown(self) -> None:
        for name in self.env.ENVIRON:
            if name.startswith(OUR_PREFIXES) and name not in self.names:
                close = get_close_matches(name, self.names, n=1)
                hint = f" Did you mean {close[0]}?" if close else ""
                raise InvalidSetting(f"{name} is not a setting of Ekiden.{hint}")
