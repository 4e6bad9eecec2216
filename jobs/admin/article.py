from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.article_forms import AgainForm, NewArticleForm
from jobs.admin.facts import anchor
from jobs.admin.filters import Choices, FixedFilter, WindowFilter
from jobs.admin.history import acts_on
from jobs.admin.verdicts import reasons, verdict
from jobs.articles.exceptions import UrlRefused
from jobs.exceptions import JobError
from jobs.models import Article, Podcast, Summary
from jobs.pipeline.stages import progress_of
from jobs.pipeline.submitting import delete_article, resubmit_article, submit_article
from jobs.similarity.nearest import nearest
from jobs.similarity.search import search

#: Characters of the text that a page shows.
SHOWN: Final = 20_000

_SIMILAR: Final = 5
_TEXTS: Final = ("text", "html")
#: Those that languages are told by: no list of what is there is needed.
_LANGUAGES: Final = "ar de el en es fr he hi it ja ko nl pt ru sv th uk zh".split()


class StageFilter(FixedFilter):
    title = _("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(stage.value, str(stage.label)) for stage in Article.Stage]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(stage=value)


class LanguageFilter(FixedFilter):
    title = _("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(code, code) for code in _LANGUAGES]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language=value)


class DeletedFilter(FixedFilter):
    title = _("deleted")
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
    add_label = _("Hand over an article")
    nothing_yet = _("“Hand over an article” does so, and POST /api/v1/articles.")
    list_display = ("key", "name", "language", "stage_reached", "state", "percent", "owner", "created")
    list_filter = (StageFilter, LanguageFilter, WindowFilter, DeletedFilter)
    list_select_related = ("user",)
    search_fields = ("id__exact",)
    search_help_text = _("A whole id, or words of the title or text: all of them.")
    heavy = _TEXTS
    detail_template = "jobs/article.html"
    acts = (
        Act(
            "summarize",
            _("Summarize again"),
            _("What is under way is cancelled. The accepted summary stays until there is another."),
            resubmit_article,
            _("It is being summarized again."),
            form=AgainForm,
            offered=lambda article: not article.is_deleted,
        ),
        Act(
            "delete",
            _("Delete"),
            _("Its owner does not see it any more, and what works on it is cancelled."),
            delete_article,
            _("Deleted."),
            danger=True,
            offered=lambda article: not article.is_deleted,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Hand over an article on behalf of whoever is logged in."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewArticleForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and (article := _submit(request, form)):
            messages.success(request, _("The article is handed over."))
            return HttpResponseRedirect(self.url(article.pk))
        return self.page(request, "jobs/article_form.html", None, title=_("Hand over an article"), form=form)

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
            "similar": [
                (anchor("article", each.article_id, each.title or each.article_id), f"{each.score:.0%}")
                for each in (nearest(obj, _SIMILAR) if obj.characters and not obj.is_deleted else ())
            ],
            "length": f"{obj.characters:,}",
            "cut": obj.characters > SHOWN,
            "history": acts_on(obj.pk),
        }

    @admin.display(description=_("id"))
    def key(self, article: Article) -> SafeString:
        return display.key(article.pk)

    @admin.display(description=_("title"))
    def name(self, article: Article) -> str:
        return display.short(article.title or article.url or str(_("a page")), 80)

    @admin.display(description=_("stage"))
    def stage_reached(self, article: Article) -> str:
        return str(Article.Stage(article.stage).label)

    @admin.display(description=_("status"))
    def state(self, article: Any) -> SafeString:
        return display.badge("deleted" if article.is_deleted else article.progress.status)

    @admin.display(description=_("progress"))
    def percent(self, article: Any) -> str:
        return f"{article.progress.percent} %"

    @admin.display(description=_("owner"))
    def owner(self, article: Article) -> str:
        return str(article.user or "")

    @admin.display(description=_("submitted"))
    def created(self, article: Article) -> SafeString:
        return display.moment(article.created_at)


def _submit(request: HttpRequest, form: NewArticleForm) -> Article | None:
    try:
        return submit_article(request.user, **form.wishes())
    except UrlRefused as error:
        form.add_error("url", str(error))
    except JobError as error:
        form.add_error(None, str(error))
    return None


def _is_id(words: str) -> bool:
    try:
        UUID(words)
    except ValueError:
        return False
    return True


def _facts(article: Any) -> dict[StrOrPromise, Any]:
    wanted = article.preferences
    return {
        "URL": article.url,
        _("Found at"): article.resolved_url if article.resolved_url != article.url else "",
        _("Author"): article.author,
        _("Published"): article.published,
        _("Language"): article.language,
        _("Characters"): f"{article.characters:,}" if article.characters else "",
        _("Wanted"): ", ".join(str(wanted[name]) for name in ("length", "language") if wanted.get(name)),
        _("Podcast"): _("wanted") if wanted.get("podcast") else "",
        _("Workflow"): anchor("batch", article.batch_id, article.batch_id) if article.batch_id else "",
        _("Owner"): article.user,
        _("Submitted"): display.exact(article.created_at),
    }
