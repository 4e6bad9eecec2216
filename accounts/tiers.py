from django.db import models


class Tier(models.TextChoices):
    """What somebody is served like; priorities of jobs may go by it."""

    FREE = "free", "Free"
    STANDARD = "standard", "Standard"
    PREMIUM = "premium", "Premium"
