"""Bodies that say of which job type something is."""

from typing import Any

from accounts.api.strict import StrictSerializer


class OfJobTypeSerializer(StrictSerializer):
    """Base class: `job_type` is another name for the field `type`. Do not use directly."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and "job_type" in data and "type" not in data:
            data = {**data, "type": data["job_type"]}
            del data["job_type"]
        return super().to_internal_value(data)
