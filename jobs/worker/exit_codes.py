"""What a worker process says by its exit code."""

from typing import Final

EXIT_OK: Final = 0
#: The supervisor (or systemd) starts a fresh process: memory ran up, or threads hang.
EXIT_REPLACE: Final = 75
