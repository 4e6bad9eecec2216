#!/usr/bin/env python
"""The command line of Ekiden."""

import os
import sys

from config.exceptions import StartError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Workers have a role of their own in the database; the settings look here.
    if sys.argv[1:2] == ["runworker"]:
        os.environ.setdefault("EKIDEN_PROCESS", "worker")
    try:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except StartError as exc:
        sys.exit(f"ekiden: {exc}")


if __name__ == "__main__":
    main()
