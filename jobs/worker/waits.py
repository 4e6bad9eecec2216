"""The ends of waits for events that never came, which no worker's absence takes away."""

from django.db import connection

from jobs.announce import Lane


def release_timed_out_waits() -> list[Lane]:
    """Let jobs run again whose time for an event is over, the longest over first; gives their lanes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT queue, priority FROM release_timed_out_waits()")
        return list(cursor.fetchall())
