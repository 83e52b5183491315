from django.contrib import admin
from django.utils.safestring import SafeString

from forge.admin import html
from forge.admin.base import ReadOnlyAdmin
from forge.admin.filters import EndedFilter, ImageFailureFilter
from forge.models import ImageAnalysis


@admin.register(ImageAnalysis)
class ImageAnalysisAdmin(ReadOnlyAdmin[ImageAnalysis]):
    """The images of all jobs, exports included, newest first: which results need review, and which kinds there are."""

    list_display = ["thumbnail", "image_link", "action", "alt", "kind", "confidence_rounded", "review", "finished"]
    list_display_links = None
    list_filter = [ImageFailureFilter, EndedFilter, "needs_review", "kind", "status"]
    list_select_related = ["image", "job"]
    list_per_page = 50
    id_fields = {"img_": "image__id", "job_": "job__id"}
    search_help_text = "Image id or job id"
    show_full_result_count = False
    sortable_by = ()
    ordering = ["-pk"]
    readonly_fields = ["image_link", "action", "alt", "kind", "confidence_rounded", "review", "finished"]

    @admin.display(description="thumbnail")
    def thumbnail(self, analysis: ImageAnalysis) -> SafeString:
        return html.thumbnail(analysis.image)

    @admin.display(description="image")
    def image_link(self, analysis: ImageAnalysis) -> SafeString:
        ids = {"job_id": analysis.job_id, "image_id": analysis.image_id}
        return html.image_link(**ids, state=analysis.status, code=analysis.code, short=True)

    @admin.display(description="action")
    def action(self, analysis: ImageAnalysis) -> str:
        return analysis.job.get_action_display()

    @admin.display(description="alt")
    def alt(self, analysis: ImageAnalysis) -> SafeString | str:
        if analysis.decorative:
            return html.decorative_mark()
        return (analysis.metadata or {}).get("alt") or html.NOTHING

    @admin.display(description="confidence", ordering="confidence")
    def confidence_rounded(self, analysis: ImageAnalysis) -> str:
        return html.NOTHING if analysis.confidence is None else f"{analysis.confidence:.2f}"

    @admin.display(description="review", ordering="needs_review")
    def review(self, analysis: ImageAnalysis) -> SafeString | str:
        return html.review_mark() if analysis.needs_review else html.NOTHING

    @admin.display(ordering="finished_at")
    def finished(self, analysis: ImageAnalysis) -> str:
        return html.timestamp(analysis.finished_at)
