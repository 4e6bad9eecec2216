"""What `manage.py up` writes to the terminal: one line at a time, each with the name of who says it."""

import re
import threading

from rich.console import Console
from rich.text import Text

COLOURS = {"database": "blue", "web": "cyan", "worker": "green", "ekiden": "magenta"}
LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red", "Traceback": "red"}
LEVEL = re.compile("|".join(LEVELS))
WIDTH = max(map(len, COLOURS))


class Board:
    """Lines from several processes, whole and in order. Colours only on a terminal; NO_COLOR is heeded."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(soft_wrap=True, highlight=False)
        self.lock = threading.Lock()

    def say(self, name: str, line: str, style: str = "") -> None:
        text = Text(f"{name:>{WIDTH}} ", style=f"bold {COLOURS.get(name, 'white')}")
        text.append("│ ", style="dim")
        text.append(line, style=style or self._style(line))
        with self.lock:
            self.console.print(text)

    def _style(self, line: str) -> str:
        found = LEVEL.search(line[:60])
        return LEVELS[found[0]] if found else ""
