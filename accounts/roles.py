from django.db import models


class Role(models.TextChoices):
    """What a person or a program may do; the one place where rights come from."""

    USER = "user", "User"  #: submits jobs and sees only their own
    OPERATOR = "operator", "Operator"  #: acts on everyone's jobs and dead letters
    ADMIN = "admin", "Administrator"  #: also manages users and keys
    WORKER = "worker", "Worker"  #: a program that runs jobs
    VIEWER = "viewer", "Viewer"  #: sees everything, changes nothing

    @property
    def is_staff(self) -> bool:
        """Whether the role may log in to the admin."""
        return self in STAFF

    def grants(self, permission: str) -> bool:
        """Whether the role alone grants a Django permission such as `jobs.change_job`."""
        app_label, _, codename = permission.partition(".")
        if self is Role.ADMIN:
            return True
        if self is Role.OPERATOR and app_label == "jobs":
            return True
        return self.is_staff and codename.startswith("view_")


STAFF = frozenset({Role.OPERATOR, Role.ADMIN, Role.VIEWER})
