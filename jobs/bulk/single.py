"""One row by itself: whatever its act takes, it waits for nobody's locks but that row's, and not for long."""

from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, OperationalError

from jobs.bulk.acts import Action
from jobs.bulk.report import GONE, Report
from jobs.exceptions import InvalidState, JobError
from jobs.models import DeadLetter
from jobs.models.audit import telling
from jobs.models.lock_limit import LockedByOthers, lock_limit

#: It may be locked by others for so long; then it is left to whoever looks at the failures.
PATIENCE: Final = 2.0


def act_on_one(act: Action, row_id: UUID, operation: Any) -> Report:
    """Do the act to one row; the reason why it cannot be done is in the report."""
    report = Report()
    try:
        with lock_limit(PATIENCE), telling(bulk_operation=str(operation.pk)):
            acted = act.one(row_id, operation.user, reason=operation.reason, **operation.arguments)
    except ObjectDoesNotExist:
        report.skip(row_id, GONE)
    except InvalidState as error:
        report.skip(row_id, str(error))
    except JobError as error:
        report.fail(row_id, str(error))
    except LockedByOthers:
        report.fail(row_id, "Somebody else kept it locked.")
    except OperationalError:
        raise
    except DatabaseError as error:
        report.fail(row_id, f"The database refused it: {str(error).splitlines()[0]}")
    else:
        report.done = 1
        if act.runs_jobs:
            report.jobs = [acted.original_job_id if isinstance(acted, DeadLetter) else acted.pk]
    return report
