"""The queue's tables, one noun per file. Imports go down: job knows of none of the others."""

from jobs.models.ai_call import ProviderCall
from jobs.models.ai_day import ProviderDay
from jobs.models.ai_provider import ProviderState
from jobs.models.ai_slot import CallSlot
from jobs.models.ai_spend import DailySpend
from jobs.models.article import Article
from jobs.models.article_vector import ArticleTerm, ArticleVector
from jobs.models.audit import AuditEntry
from jobs.models.batch import Batch
from jobs.models.bulk_operation import BulkChunk, BulkItem, BulkOperation
from jobs.models.cached_value import CacheCounter, CachedValue
from jobs.models.chore import Chore
from jobs.models.counter import OutcomeCounter
from jobs.models.dead_letter import DeadLetter
from jobs.models.dead_letter_group import DeadLetterGroup, DeadLetterHour, DeadLetterTrait
from jobs.models.dependency import Dependency, ReleaseCheck
from jobs.models.event import Event
from jobs.models.event_count import EventCount
from jobs.models.function import Function
from jobs.models.job import Job
from jobs.models.limits import LaneTurn, RateWindow
from jobs.models.lock import ProcessingLock
from jobs.models.log_line import LogLine
from jobs.models.loose_file import LooseFile
from jobs.models.podcast import Podcast
from jobs.models.queue import Queue
from jobs.models.queue_minute import QueueMinute
from jobs.models.queue_total import QueueTotal
from jobs.models.saved_search import SavedSearch
from jobs.models.schedule import Schedule
from jobs.models.search_index import SearchIndex
from jobs.models.search_rejection import SearchRejection
from jobs.models.search_slot import SearchSlot
from jobs.models.search_tombstone import SearchTombstone
from jobs.models.session import Session
from jobs.models.summary import Summary
from jobs.models.supervisor import Supervisor
from jobs.models.task import Task
from jobs.models.wait_counter import WaitCounter
from jobs.models.webhook_delivery import WebhookDelivery
from jobs.models.webhook_endpoint import WebhookEndpoint
from jobs.models.webhook_event import WebhookEvent
from jobs.models.worker import Worker

__all__ = [
    "Article",
    "ArticleTerm",
    "ArticleVector",
    "AuditEntry",
    "Batch",
    "BulkChunk",
    "BulkItem",
    "BulkOperation",
    "CacheCounter",
    "CachedValue",
    "CallSlot",
    "Chore",
    "DailySpend",
    "DeadLetter",
    "DeadLetterGroup",
    "DeadLetterHour",
    "DeadLetterTrait",
    "Dependency",
    "Event",
    "EventCount",
    "Function",
    "Job",
    "LaneTurn",
    "LogLine",
    "LooseFile",
    "OutcomeCounter",
    "Podcast",
    "ProcessingLock",
    "ProviderCall",
    "ProviderDay",
    "ProviderState",
    "Queue",
    "QueueMinute",
    "QueueTotal",
    "RateWindow",
    "ReleaseCheck",
    "SavedSearch",
    "Schedule",
    "SearchIndex",
    "SearchRejection",
    "SearchSlot",
    "SearchTombstone",
    "Session",
    "Summary",
    "Supervisor",
    "Task",
    "WaitCounter",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "Worker",
]
