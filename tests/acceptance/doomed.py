"""The process that test_crash_points copies for each crash: everything is loaded once, and a death costs milliseconds.

Orders come as JSON lines. `{"act": …, "arguments": […], "point": …, "log": …}` forks a copy that is armed for the crash
point and does the act; the answer is its process id. `{"ended": pid}` is answered with how it ended, or null.
"""

import importlib
import json
import os
import sys
from typing import Any

import django


def main() -> None:
    django.setup()
    # The worker, for all that it imports: a copy is to have no module left to load.
    for module in ("jobs.management.commands.runworker", "tests.acceptance.crash_acts"):
        importlib.import_module(module)
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                obey(order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def obey(order: dict[str, Any]) -> None:
    from jobs import crash_points
    from tests.acceptance import crash_acts

    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        crash_points.arm(order["point"])
        getattr(crash_acts, order["act"])(*order["arguments"])
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        if code:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        os._exit(code)


if __name__ == "__main__":
    main()
