"""Being one of a supervisor's worker processes."""

import os
import signal
import sys

from jobs.worker.parent import signal_when_parent_dies
from jobs.worker.scaling.connections import connection_name, name_connections


def belong(supervisor: str) -> None:
    """End when the supervisor of this id does, and let PostgreSQL see whose connections ours are."""
    signal_when_parent_dies(signal.SIGTERM)
    # It may have been killed before that was said. Its id has its host, its pid and a word.
    if str(os.getppid()) not in supervisor.split(":")[-2:-1]:
        sys.exit("the supervisor that started this worker process is gone")
    name_connections(connection_name(supervisor))
