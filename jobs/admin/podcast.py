from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.facts import anchor
from jobs.admin.filters import WindowFilter
from jobs.admin.history import acts_on
from jobs.models import Podcast
from jobs.speech.podcasts import delete
from jobs.speech.serving import answer


@admin.register(Podcast)
class PodcastAdmin(ActingAdmin):
    list_display = ("key", "about", "length", "language", "engine", "owner", "created")
    list_filter = (WindowFilter,)
    list_select_related = ("article", "user")
    search_fields = ("id__exact", "article__id__exact", "job_id__exact")
    search_help_text = _("The whole id of a podcast, of its article or of its job.")
    heavy = ("script", "article__text", "article__html")
    detail_template = "jobs/podcast.html"
    acts = (
        Act(
            "delete",
            _("Delete"),
            _("Nobody can listen to it any more; its file goes a little later."),
            delete,
            _("Deleted."),
            danger=True,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        audio = self.admin_site.admin_view(self.audio_view)
        return [path("<path:object_id>/audio/", audio, name="jobs_podcast_audio"), *super().get_urls()]

    def detail_queryset(self) -> QuerySet[Any]:
        return Podcast.objects.select_related("article", "user").defer("article__text", "article__html")

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **super().detail(request, obj),
            "title": obj.article.title or _("Podcast") if obj.article else _("Podcast of a text"),
            "audio": reverse("admin:jobs_podcast_audio", args=[obj.pk]),
            "facts": display.facts(_facts(obj)),
            "history": acts_on(obj.pk),
        }

    def audio_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Give the file to a player of these pages, in parts as it asks for them."""
        podcast = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, podcast):
            raise PermissionDenied
        return self.not_found(request, object_id) if podcast is None else answer(request, podcast)

    def after(self, row: Any) -> str:
        return self.url(row.pk) if Podcast.objects.filter(pk=row.pk).exists() else self.list_url()

    @admin.display(description=_("id"))
    def key(self, podcast: Podcast) -> SafeString:
        return display.key(podcast.pk)

    @admin.display(description=_("article"))
    def about(self, podcast: Podcast) -> str:
        return display.short(podcast.article.title or podcast.article.url, 80) if podcast.article else str(_("a text"))

    @admin.display(description=_("length"))
    def length(self, podcast: Podcast) -> str:
        return display.span(podcast.duration_seconds)

    @admin.display(description=_("owner"))
    def owner(self, podcast: Podcast) -> str:
        return str(podcast.user or "")

    @admin.display(description=_("made"))
    def created(self, podcast: Podcast) -> SafeString:
        return display.moment(podcast.created_at)


def _facts(podcast: Podcast) -> dict[StrOrPromise, Any]:
    article = podcast.article
    return {
        _("Article"): anchor("article", article.pk, display.short(article.title or str(article.pk), 80))
        if article
        else "",
        _("Length"): f"{podcast.duration_seconds:.1f} s",
        _("File"): f"{podcast.content_type}, {podcast.size_bytes / 1_000_000:.1f} MB",
        _("Language"): podcast.language,
        _("Spoken by"): f"{podcast.engine}, {podcast.voice}" if podcast.voice else podcast.engine,
        _("Owner"): podcast.user,
        _("Job"): anchor("job", podcast.job_id, podcast.job_id),
        _("Made"): display.exact(podcast.created_at),
    }
