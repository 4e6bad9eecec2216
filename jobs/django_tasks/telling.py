"""Telling receivers of task_finished, once what the job ended in is in the database."""

from collections.abc import Sequence

from jobs.django_tasks.finding import found
from jobs.django_tasks.framework import task_finished
from jobs.django_tasks.results import read_many
from jobs.django_tasks.running import raised
from jobs.observers import Ended, observe
from jobs.outcomes import Attempt


def tell_of_tasks() -> None:
    """Have this process tell of the tasks that it runs from now on; said twice it is as good as once."""
    # Receivers may do anything: they must not hold up the recording of other outcomes.
    observe(tell_finished, _is_task, at_leisure=True)


def tell_finished(ended: Sequence[Ended]) -> None:
    """Send task_finished for the tasks that will not be tried again."""
    errors = {each.attempt.id: raised.pop(each.attempt.lock_token, None) for each in ended}
    for result in read_many(errors):
        if not result.is_finished:
            continue
        try:
            # Receivers look for the exception in sys.exc_info(), as Django's own do for the log.
            if error := errors[result.id]:
                raise error
        except BaseException:  # noqa: BLE001 - what the task raised; its outcome is recorded
            task_finished.send_robust(type(result.task.get_backend()), task_result=result)
        else:
            task_finished.send_robust(type(result.task.get_backend()), task_result=result)


def _is_task(attempt: Attempt) -> bool:
    return attempt.job_type in found
