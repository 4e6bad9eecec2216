"""Having the database note events, or note none: triggers are there only while an active endpoint wants them."""

import logging

from django.db import OperationalError, connection, router, transaction
from psycopg import errors

from jobs.models import WebhookEndpoint

_logger = logging.getLogger(__name__)


def switch(*, drop: bool = False) -> bool:
    """Make the triggers that active endpoints want, and with `drop` take back the others; tells whether it is done.

    Where others have the tables locked it gives up after a moment, and is called again: nobody queues behind it.
    """
    try:
        with transaction.atomic(using=router.db_for_write(WebhookEndpoint)), connection.cursor() as cursor:
            cursor.execute("SELECT switch_webhook_events(%s)", [drop])
            switched = cursor.fetchone()[0]
    except OperationalError as error:
        if isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
            _logger.info("webhooks: others have the tables locked; the triggers are switched later")
            return False
        raise
    if switched:
        _logger.info("webhooks: %s triggers switched", switched)
    return True
