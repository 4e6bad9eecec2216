from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.facts import anchor
from jobs.admin.filters import Choices, FixedFilter, WindowFilter
from jobs.admin.history import acts_on
from jobs.admin.verdicts import reasons, verdict
from jobs.models import Article, Podcast, Summary
from jobs.pipeline.stages import progress_of
from jobs.pipeline.submitting import delete_article, resubmit_article
from jobs.similarity.search import search

#: Characters of the text that a page shows.
SHOWN: Final = 20_000

_TEXTS: Final = ("text", "html")
#: Those that languages are told by: no list of what is there is needed.
_LANGUAGES: Final = "ar de el en es fr he hi it ja ko nl pt ru sv th uk zh".split()


class StageFilter(FixedFilter):
    title = "stage"
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(stage.value, str(stage.label)) for stage in Article.Stage]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(stage=value)


class LanguageFilter(FixedFilter):
    title = "language"
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(code, code) for code in _LANGUAGES]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language=value)


class DeletedFilter(FixedFilter):
    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", "Deleted")]

    def unasked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(is_deleted=False)

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(is_deleted=True)


class _ListWithProgress(ChangeList):
    """Reads the jobs of all articles of a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        found = progress_of(self.result_list)
        for article in self.result_list:
            article.progress = found[article.pk]


@admin.register(Article)
class ArticleAdmin(ActingAdmin):
    nothing_yet = "POST /api/v1/articles hands one over."
    list_display = ("key", "name", "language", "stage_reached", "state", "percent", "owner", "created")
    list_filter = (StageFilter, LanguageFilter, WindowFilter, DeletedFilter)
    list_select_related = ("user",)
    search_fields = ("id__exact",)
    search_help_text = "A whole id, or words of the title or text: all of them."
    heavy = _TEXTS
    detail_template = "jobs/article.html"
    acts = (
        Act(
            "summarize",
            "Summarize again",
            "What is under way is cancelled. The accepted summary stays until there is another.",
            resubmit_article,
            "It is being summarized again.",
            offered=lambda article: not article.is_deleted,
        ),
        Act(
            "delete",
            "Delete",
            "Its owner does not see it any more, and what works on it is cancelled.",
            delete_article,
            "Deleted.",
            danger=True,
            offered=lambda article: not article.is_deleted,
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _ListWithProgress

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        words = search_term.strip()
        if not words or _is_id(words):
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(pk__in=search(None, words).order_by().values("pk")), False

    def detail_queryset(self) -> QuerySet[Any]:
        rows = Article.objects.without_texts().select_related("user")
        return rows.annotate(beginning=Left("text", SHOWN))

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        progress = progress_of([obj])[obj.pk]
        return {
            **super().detail(request, obj),
            "state": display.badge("deleted" if obj.is_deleted else progress.status),
            "progress": progress,
            "stages": [
                (
                    state.stage.label,
                    anchor("job", state.job_id, state.job_type) if state.job_id else state.job_type,
                    state.status,
                    state.progress,
                    state.error or state.message,
                )
                for state in progress.stages
            ],
            "facts": display.facts(_facts(obj)),
            "summaries": [
                (anchor("summary", each.pk, verdict(each)), each.provider, each.length, each.text, reasons(each))
                for each in Summary.objects.filter(article=obj).order_by("-id")[:20]
            ],
            "podcasts": [
                (
                    each.engine,
                    anchor("podcast", each.pk, display.span(each.duration_seconds)),
                    display.moment(each.created_at),
                )
                for each in Podcast.objects.filter(article=obj).order_by("-id")[:20]
            ],
            "length": f"{obj.characters:,}",
            "cut": obj.characters > SHOWN,
            "history": acts_on(obj.pk),
        }

    @admin.display(description="id")
    def key(self, article: Article) -> SafeString:
        return display.key(article.pk)

    @admin.display(description="title")
    def name(self, article: Article) -> str:
        return display.short(article.title or article.url or "a page", 80)

    @admin.display(description="stage")
    def stage_reached(self, article: Article) -> str:
        return str(Article.Stage(article.stage).label)

    @admin.display(description="status")
    def state(self, article: Any) -> SafeString:
        return display.badge("deleted" if article.is_deleted else article.progress.status)

    @admin.display(description="progress")
    def percent(self, article: Any) -> str:
        return f"{article.progress.percent} %"

    @admin.display(description="owner")
    def owner(self, article: Article) -> str:
        return str(article.user or "")

    @admin.display(description="submitted")
    def created(self, article: Article) -> SafeString:
        return display.moment(article.created_at)


def _is_id(words: str) -> bool:
    try:
        UUID(words)
    except ValueError:
        return False
    return True


def _facts(article: Any) -> dict[str, Any]:
    wanted = article.preferences
    return {
        "URL": article.url,
        "Found at": article.resolved_url if article.resolved_url != article.url else "",
        "Author": article.author,
        "Published": article.published,
        "Language": article.language,
        "Characters": f"{article.characters:,}" if article.characters else "",
        "Wanted": ", ".join(str(wanted[name]) for name in ("length", "language") if wanted.get(name)),
        "Podcast": "wanted" if wanted.get("podcast") else "",
        "Workflow": anchor("batch", article.batch_id, article.batch_id) if article.batch_id else "",
        "Owner": article.user,
        "Submitted": display.exact(article.created_at),
    }
