from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs import conf, options
from jobs.exceptions import InvalidOption, TaskNotFound, UnknownJobType
from jobs.management.arguments import duration, names, whole
from jobs.registry import registry
from jobs.worker.loop import WorkerLoop
from jobs.worker.options import WorkerOptions
from jobs.worker.supervisor import Supervisor, own_command

#: Options with a value that each child process gets as they were given.
_PASSED_ON = (
    *("concurrency", "batch_size", "poll_interval", "lock_duration", "heartbeat_interval", "grace"),
    *("max_jobs", "max_memory"),
)


class Command(BaseCommand):
    """Run jobs until told to stop."""

    help = "Run jobs. SIGTERM lets running jobs finish within the grace period; a second one ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--queues", type=names, metavar="A,B", help="only these queues (all)")
        add("--job-types", type=names, metavar="A,B", help="only these job types (all)")
        add(
            "--concurrency",
            type=whole,
            metavar="N",
            default=conf.worker_count(),
            help="handlers at once, of threads and of coroutines each (%(default)s)",
        )
        add("--processes", type=whole, metavar="N", default=1, help="worker processes (%(default)s)")
        add(
            "--batch-size",
            type=whole,
            metavar="N",
            default=conf.batch_size(),
            help="most jobs claimed at once (%(default)s)",
        )
        add(
            "--poll-interval",
            type=duration,
            metavar="5s",
            default=conf.poll_interval(),
            help="time between two looks for work that nobody announced (%(default)s s)",
        )
        add(
            "--lock-duration",
            type=duration,
            metavar="5m",
            default=conf.lock_duration(),
            help="how long a claimed job is this worker's without renewal (%(default)s s)",
        )
        add(
            "--heartbeat-interval",
            type=duration,
            metavar="10s",
            default=conf.heartbeat_interval(),
            help="a worker that misses three is taken for dead (%(default)s s)",
        )
        add(
            "--grace",
            type=duration,
            metavar="30s",
            default=conf.grace(),
            help="how long running jobs may go on after SIGTERM (%(default)s s)",
        )
        add("--drain", action="store_true", help="end when no job is due any more")
        add("--max-jobs", type=whole, metavar="N", help="end after so many jobs")
        add("--max-memory", type=whole, metavar="MB", help="end, for a fresh process, when this one needs more memory")
        add("--no-maintenance", action="store_true", help="leave rescue, pruning, schedules to others")  # fmt: skip

    def handle(self, **given: Any) -> None:
        self._check(given)
        if given["processes"] > 1:
            supervisor = Supervisor(own_command(self._child_arguments(given)), given["processes"], given["grace"])
            raise SystemExit(supervisor.run())
        worker = WorkerLoop(
            WorkerOptions(
                queues=given["queues"],
                job_types=given["job_types"],
                concurrency=given["concurrency"],
                batch_size=given["batch_size"],
                poll_interval=given["poll_interval"],
                lock_duration=given["lock_duration"],
                heartbeat_interval=given["heartbeat_interval"],
                grace=given["grace"],
                drain=given["drain"],
                max_jobs=given["max_jobs"],
                max_memory_mb=given["max_memory"],
                maintenance=not given["no_maintenance"],
            )
        )
        raise SystemExit(worker.run())

    def _check(self, given: dict[str, Any]) -> None:
        for queue in given["queues"] or ():
            try:
                options.check_queue(queue)
            except InvalidOption as error:
                raise CommandError(f"--queues: {queue!r} {error.detail}") from error
        for name in given["job_types"] or ():
            try:
                registry.find(name)
            except TaskNotFound as error:
                raise CommandError(f"--job-types: {error}") from error
            except UnknownJobType as error:
                known = ", ".join(job_type.name for job_type in registry)
                raise CommandError(f"--job-types: {name!r} is not one of {known}.") from error
        if given["lock_duration"] < 3 * given["heartbeat_interval"]:
            raise CommandError("--lock-duration must be at least three times --heartbeat-interval.")

    def _child_arguments(self, given: dict[str, Any]) -> list[str]:
        arguments = ["runworker", "--processes=1"]
        for name in _PASSED_ON:
            if given[name] is not None:
                arguments.append(f"--{name.replace('_', '-')}={given[name]}")
        for name in ("queues", "job_types"):
            if given[name]:
                arguments.append(f"--{name.replace('_', '-')}={','.join(given[name])}")
        return arguments + [f"--{name.replace('_', '-')}" for name in ("drain", "no_maintenance") if given[name]]
