"""What can be searched: the only names that a query may use, and what each is made of."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from jobs.statuses import Status, WaitsFor


class Kind(Enum):
    """What a field holds, which decides what may be asked of it."""

    #: Text as a whole, case and all: equality, ranges by code point, wildcards.
    KEYWORD = "keyword"
    #: A text in which pieces are looked for, whatever their case.
    TEXT = "text"
    NUMBER = "number"
    MOMENT = "date"
    BOOLEAN = "boolean"
    ID = "id"
    #: A name that stands for rows of another table: it is resolved to their ids before the query is answered.
    REFERENCE = "reference"
    #: What stands under a path of the job's metadata: text, numbers or booleans, as each job has it.
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class Field:
    """One searchable thing of a job."""

    name: str
    kind: Kind
    #: The column of job_queue; a key inside of a JSON column stands behind `__`.
    column: str
    help: str
    #: Other names that people may type.
    aliases: tuple[str, ...] = ()
    #: It has several values, and one that fits is enough.
    many: bool = False
    #: The engine keeps its text backwards as well, so that a wildcard may lead.
    reversed: bool = False
    #: The only values there are.
    choices: tuple[str, ...] = ()
    #: Its values may be counted beside the hits.
    facet: bool = False
    #: Of metadata: the keys that lead to the value.
    path: tuple[str, ...] = ()


#: Values longer than so many characters are searched by their beginning, and no query may hold a longer one.
HEAD: Final = 1000
#: So much of an error message is searched.
TEXT_HEAD: Final = 8192
#: Fewer characters than these are too few to look for in a text.
LEAST_OF_TEXT: Final = 2

_ALL: Final = (
    Field("id", Kind.ID, "id", "The job's id.", ("job_id",)),
    Field("status", Kind.KEYWORD, "status", "What has become of it.", choices=tuple(Status.values), facet=True),
    Field("job_type", Kind.KEYWORD, "job_type", "What its handler is registered under.", ("type",), facet=True),
    Field("queue", Kind.KEYWORD, "queue", "The lane that it waits in.", facet=True),
    Field("project_name", Kind.KEYWORD, "project_name", "Its project.", ("project",), reversed=True, facet=True),
    Field("hostname", Kind.KEYWORD, "hostname", "The host that it is about.", ("host",), reversed=True, facet=True),
    Field("arch", Kind.KEYWORD, "arch", "The architecture that it is about.", facet=True),
    Field("user_email", Kind.KEYWORD, "user_email", "Its owner's address, as it was then.", ("email",), reversed=True),
    Field("user_id", Kind.REFERENCE, "user", "Its owner's name.", ("user", "owner")),
    Field("workspace", Kind.REFERENCE, "workspace", "The name of its workspace."),
    Field("tags", Kind.KEYWORD, "tags", "Any of its tags.", ("tag",), many=True, facet=True),
    Field("error_message", Kind.TEXT, "error_message", "What its last failed attempt said.", ("error",)),
    Field(
        "error_class", Kind.KEYWORD, "error_details__error_class", "The last failed attempt's exception.", facet=True
    ),
    Field("created_at", Kind.MOMENT, "created_at", "When it was submitted.", ("created",)),
    Field("updated_at", Kind.MOMENT, "updated_at", "When anything of it last changed.", ("updated",)),
    Field("scheduled_at", Kind.MOMENT, "scheduled_at", "Not before this moment does it start.", ("scheduled",)),
    Field("started_at", Kind.MOMENT, "started_at", "When its latest attempt began.", ("started",)),
    Field("completed_at", Kind.MOMENT, "completed_at", "When it was completed.", ("completed",)),
    Field("failed_at", Kind.MOMENT, "failed_at", "When it failed for good.", ("failed",)),
    Field("priority", Kind.NUMBER, "priority", "Larger runs first.", facet=True),
    Field("attempt", Kind.NUMBER, "attempt", "How often it was begun.", ("attempts",)),
    Field("retry_count", Kind.NUMBER, "retry_count", "How many retries it has used up.", ("retries",)),
    Field("max_retries", Kind.NUMBER, "max_retries", "How many it may use up."),
    Field("progress", Kind.NUMBER, "progress", "From 0 to 100."),
    Field("version", Kind.NUMBER, "version", "One more with every change."),
    Field("waits_for", Kind.KEYWORD, "waits_for", "What it waits for beside its time.", choices=tuple(WaitsFor.values)),
    Field("unique_key", Kind.KEYWORD, "unique_key", "The key that makes it unique."),
    Field("concurrency_key", Kind.KEYWORD, "concurrency_key", "The key that its limits go by."),
    Field("session", Kind.KEYWORD, "session", "The session that it executes."),
    Field("request_id", Kind.KEYWORD, "request_id", "The request that submitted it."),
    Field("parent_id", Kind.ID, "parent_id", "The job that it is a child of.", ("parent",)),
    Field("batch_id", Kind.ID, "batch_id", "Its batch or workflow.", ("batch",)),
    Field("schedule_id", Kind.ID, "schedule_id", "The schedule that made it.", ("schedule",)),
    Field("is_deleted", Kind.BOOLEAN, "is_deleted", "Whether its owner has deleted it.", ("deleted",)),
)

FIELDS: Final[dict[str, Field]] = {field.name: field for field in _ALL}
#: Every name that may be typed.
NAMES: Final[dict[str, Field]] = {name: field for field in _ALL for name in (field.name, *field.aliases)}
#: What words without a field are looked for in, beside the string values of metadata.
FREE_TEXT: Final = ("error_message", "project_name", "job_type", "hostname")
FACETS: Final = tuple(field.name for field in _ALL if field.facet)
METADATA_PREFIX: Final = "metadata."
#: What REFERENCE fields are resolved to: the ids of the owner and of the workspace. Queries do not name them.
OWNER: Final = Field("user", Kind.ID, "user_id", "The id of its owner.")
WORKSPACE: Final = Field("workspace", Kind.ID, "workspace_id", "The id of its workspace.")


def metadata_field(path: tuple[str, ...]) -> Field:
    """Give the field that a path of metadata is."""
    name = METADATA_PREFIX + ".".join(path)
    return Field(name, Kind.METADATA, "metadata", "A value of the job's metadata.", path=path)
