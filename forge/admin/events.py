from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from forge.admin import html
from forge.admin.base import ReadOnlyAdmin
from forge.admin.filters import EventTypeFilter
from forge.models import JobEvent


@admin.register(JobEvent)
class JobEventAdmin(ReadOnlyAdmin[JobEvent]):
    list_display = ["created", "job_page", "seq", "type", "beginning"]
    list_filter = [EventTypeFilter]
    search_fields = ["job__id__startswith"]
    search_help_text = "Job id"
    show_full_result_count = False
    ordering = ["-pk"]
    readonly_fields = ["job", "seq", "type", "created", "laid_out"]

    @admin.display(description="job")
    def job_page(self, event: JobEvent) -> SafeString:
        return html.id_link("job", event.job_id, short=True)

    @admin.display(description="data")
    def beginning(self, event: JobEvent) -> str:
        return Truncator(event.data).chars(120)

    @admin.display(description="data")
    def laid_out(self, event: JobEvent) -> SafeString:
        return html.pretty_text(event.data)
