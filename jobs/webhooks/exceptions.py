"""What can be wrong with an endpoint, and with an attempt to reach it. The docstring is the message."""

from jobs.exceptions import JobError, Violation


class InvalidEndpoint(JobError):
    """An endpoint cannot be like this."""

    def __init__(self, violations: list[Violation]) -> None:
        #: Their pointers begin with the name of the field.
        self.violations = violations
        super().__init__("; ".join(f"{v.pointer.removeprefix('/')}: {v.detail}" for v in violations[:5]))


class UnsafeUrl(JobError):
    """Nothing is sent to this URL."""


class TooManyEndpoints(JobError):
    """There are as many endpoints as one user may have."""
