from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as confirm_delete
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from forge.admin import html
from forge.admin.base import ViewOnlyAdmin, begins_with
from forge.admin.filters import AccountFilter, CreatedFilter
from forge.admin.thumbnails import thumbnail_response
from forge.errors import Conflict
from forge.models import Image, ImageAnalysis, ImageWords, Job, Session
from forge.sessions import services
from forge.words import MAX_QUERY_WORDS, words_of

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Extras(TypedDict):
        image_count: int
        first_images: list[Image]

    _Listed: TypeAlias = WithAnnotations[Session, _Extras]

_IMAGES_IN_LIST = 4
_MOST_FOUND = 1_000  # sessions, by words
_ON_PAGE = 100  # images, and jobs, of a session, which may have thousands


@admin.register(Session)
class SessionAdmin(ViewOnlyAdmin[Session]):
    """Sessions: an operator views and deletes them."""

    list_display = ["short_id", "owner", "thumbnails", "image_count", "created", "expires"]
    list_filter = [CreatedFilter, ("account", AccountFilter)]
    list_select_related = ["account"]
    list_per_page = 50
    search_help_text = "Session id, image id, account name, or words of an image or its file name"
    show_full_result_count = False
    sortable_by = ["created"]
    id_fields = {"sess_": "id"}
    account_field = "account"
    readonly_fields = ["id", "account", "created", "expires"]
    actions = ["delete_selected"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[_Listed]":
        first = Prefetch("images", Image.objects.order_by("position")[:_IMAGES_IN_LIST], to_attr="first_images")
        # A subquery for each shown row: joined, all images would be read and grouped before the first page is known.
        images = Image.objects.filter(session=OuterRef("pk")).order_by().values("session")
        image_count = Subquery(images.annotate(number=Count("pk")).values("number"))
        return super().get_queryset(request).annotate(image_count=Coalesce(image_count, 0)).prefetch_related(first)

    def search_condition(self, text: str) -> Q:
        condition = super().search_condition(text)
        if text.startswith("img_"):  # a subquery: joined, a session would be shown once for each image
            return condition | Q(pk__in=Image.objects.filter(begins_with("pk", text)).values("session"))
        words = [] if text.startswith(tuple(self.id_fields)) else words_of(text)[:MAX_QUERY_WORDS]
        if not words:
            return condition
        # Read once: the list and its count are two queries.
        found = ImageWords.objects.filter(words__has_prefixes=words).values_list("session", flat=True).distinct()
        return condition | Q(pk__in=list(found[:_MOST_FOUND]))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.thumbnail_view, cacheable=True)
        return [path("images/<str:image_id>/thumbnail.jpg", view, name="forge_image_thumbnail"), *super().get_urls()]

    def thumbnail_view(self, request: HttpRequest, image_id: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return thumbnail_response(get_object_or_404(Image, pk=image_id))

    # --- The list -----------------------------------------------------------------------------------------------------

    @admin.display(description="id", ordering="id")
    def short_id(self, session: Session) -> SafeString:
        return html.id_text(session.pk, short=True)

    @admin.display(description="account", ordering="account__name")
    def owner(self, session: Session) -> SafeString:
        return html.account_link(session.account)

    @admin.display(ordering="expires_at")
    def expires(self, session: Session) -> str:
        return html.timestamp(session.expires_at)

    @admin.display(description="images", ordering="image_count")
    def image_count(self, session: "_Listed") -> int:
        return session.image_count

    @admin.display(description="thumbnails")
    def thumbnails(self, session: "_Listed") -> SafeString:
        return format_html_join("", "{}", ((html.thumbnail(image),) for image in session.first_images))

    # --- The page -----------------------------------------------------------------------------------------------------

    def related(self, row: Session) -> dict[str, Any]:
        newest_first = Prefetch("analyses", ImageAnalysis.objects.select_related("job").order_by("-pk"))
        images = row.images.order_by("position").prefetch_related(newest_first)[:_ON_PAGE]
        return {
            "image_count": row.images.count(),
            "images": [
                {"image": image, "thumbnail": html.thumbnail(image), "analyses": image.analyses.all()}
                for image in images
            ],
            "jobs": row.jobs.all()[:_ON_PAGE],
        }

    # --- Deleting -----------------------------------------------------------------------------------------------------

    def get_deleted_objects(
        self, objs: Sequence[Session] | QuerySet[Session], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Count what a deletion includes. Django's own method would refuse it: jobs and events are read-only."""
        sessions = list(objs)
        counts = {
            "sessions": len(sessions),
            "images with their files": Image.objects.filter(session__in=sessions).count(),
            "jobs with their events": Job.objects.filter(session__in=sessions).count(),
        }
        return [f"Session {session.pk} of {session.account}" for session in sessions], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Session) -> None:
        services.session_delete(session=obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except (Conflict, IntegrityError) as error:
            self.message_user(request, _sentence(error), messages.ERROR)
            return HttpResponseRedirect(html.page_url("session", object_id))

    @admin.action(description="Delete selected sessions, with their files", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        if not request.POST.get("post"):
            return confirm_delete(self, request, queryset)
        deleted = sum(self._delete_one(request, session) for session in queryset)
        if deleted:
            self.message_user(request, f"{deleted} deleted, with their files.", messages.SUCCESS)
        return None

    def _delete_one(self, request: HttpRequest, session: Session) -> bool:
        pk = session.pk
        try:
            with transaction.atomic():
                self.log_deletions(request, Session.objects.filter(pk=pk))
                services.session_delete(session=session)
        except (Conflict, IntegrityError) as error:
            self.message_user(request, f"Session {pk}: {_sentence(error)}", messages.ERROR)
            return False
        return True


def _sentence(error: Conflict | IntegrityError) -> str:
    """Return the sentence; an IntegrityError is a job accepted between this transaction's check and its commit."""
    return error.sentence if isinstance(error, Conflict) else "A job of this session has just begun."
