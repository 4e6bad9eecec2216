import multiprocessing
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, SystemCheckError

from jobs import conf, options
from jobs.exceptions import InvalidOption, TaskNotFound, UnknownJobType
from jobs.management.arguments import duration, names, percent, processes, whole
from jobs.registry import registry

#: Options with a value that each child process gets as they were given.
_PASSED_ON = (
    *("concurrency", "batch_size", "poll_interval", "lock_duration", "heartbeat_interval", "grace"),
    *("max_jobs", "max_memory"),
)

#: Options that only a supervisor that scales heeds, by the names that its rules have for them.
_OF_SCALING = ("backlog_age", "up_pause", "down_pause", "cpu_limit", "memory_limit")


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
        add(
            "--processes",
            type=processes,
            metavar="N or N-M",
            default=(1, 1),
            help="worker processes: a number (1), or with --autoscale a range as 1-10",
        )
        self._add_scaling(parser)
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

    def _add_scaling(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--autoscale", action="store_true", help="add and drain processes within the range, by backlog and use")
        add("--backlog-age", type=duration, metavar="5s", help="add when a job has been due for so long (5s)")
        add("--up-pause", type=duration, metavar="10s", help="wait between adding and the next change (10s)")
        add("--down-pause", type=duration, metavar="1m", help="drain one after so long with too little to do (1m)")
        add("--cpu-limit", type=percent, metavar="70", help="percent of the CPU to stay below; 100 is no limit (70)")
        add("--memory-limit", type=percent, metavar="80", help="the same of the memory (80)")
        add("--supervisor", metavar="ID", help="given by a supervisor that scales to its processes")

    def execute(self, *args: Any, **options: Any) -> str | None:
        if not options.get("skip_checks"):
            self._check_apart()
            options["skip_checks"] = True
        return super().execute(*args, **options)

    def _check_apart(self) -> None:
        """Check the project in a process that ends then: it imports every page, and workers are to stay small."""
        checking = multiprocessing.get_context("fork").Process(target=self._report_checks)
        checking.start()
        checking.join()
        if checking.exitcode:
            raise SystemExit(checking.exitcode)

    def _report_checks(self) -> None:
        try:
            self.check()
        except SystemCheckError as error:
            sys.exit(f"{error.__class__.__name__}: {error}")

    def handle(self, **given: Any) -> None:
        self._check(given)
        # A supervisor stays small: it imports nothing of what works.
        if given["autoscale"]:
            raise SystemExit(self._autoscale(given))
        if given["processes"][0] > 1:
            from jobs.worker.supervisor import Supervisor, own_command

            command = own_command(self._child_arguments(given))
            raise SystemExit(Supervisor(command, given["processes"][0], given["grace"]).run())
        raise SystemExit(self._work(given))

    def _autoscale(self, given: dict[str, Any]) -> int:
        from jobs.worker.options import new_worker_id
        from jobs.worker.scaling.autoscaler import Autoscaler
        from jobs.worker.scaling.policy import Rules
        from jobs.worker.scaling.watch import Identity
        from jobs.worker.supervisor import own_command

        least, most = given["processes"]
        chosen = {name: given[name] for name in _OF_SCALING if given[name] is not None}
        rules = Rules(least, most, given["concurrency"], **chosen)
        identity = Identity(
            new_worker_id(), given["concurrency"], given["queues"], given["job_types"], given["heartbeat_interval"]
        )
        command = own_command([*self._child_arguments(given), "--skip-checks", f"--supervisor={identity.id}"])
        return Autoscaler(command, rules, identity, given["grace"]).run()

    def _work(self, given: dict[str, Any]) -> int:
        from jobs.worker.loop import WorkerLoop
        from jobs.worker.options import WorkerOptions

        if given["supervisor"]:
            from jobs.worker.scaling.belonging import belong

            belong(given["supervisor"])
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
                supervisor=given["supervisor"] or "",
            )
        )
        return worker.run()

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
        self._check_scaling(given)
        if given["lock_duration"] < 3 * given["heartbeat_interval"]:
            raise CommandError("--lock-duration must be at least three times --heartbeat-interval.")

    def _check_scaling(self, given: dict[str, Any]) -> None:
        least, most = given["processes"]
        if not given["autoscale"]:
            if least < most:
                raise CommandError(f"--processes {least}-{most} is a range, which needs --autoscale.")
            for name in _OF_SCALING:
                if given[name] is not None:
                    raise CommandError(f"--{name.replace('_', '-')} is for --autoscale only.")
        elif least == most:
            raise CommandError("--autoscale needs a range: --processes 1-10.")
        elif given["drain"]:
            raise CommandError("--drain ends when nothing is due, --autoscale never does: choose one of them.")

    def _child_arguments(self, given: dict[str, Any]) -> list[str]:
        arguments = ["runworker", "--processes=1"]
        for name in _PASSED_ON:
            if given[name] is not None:
                arguments.append(f"--{name.replace('_', '-')}={given[name]}")
        for name in ("queues", "job_types"):
            if given[name]:
                arguments.append(f"--{name.replace('_', '-')}={','.join(given[name])}")
        return arguments + [f"--{name.replace('_', '-')}" for name in ("drain", "no_maintenance") if given[name]]
