from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from forge.admin import html
from forge.admin.base import ReadOnlyAdmin
from forge.admin.filters import EventTypeFilter
from forge.models import JobEvent


@admin.register(JobEvent)
class JobEventAdmin(ReadOnlyAdmin[JobEvent]):
    list_display = ["created", "job_link", "seq", "type", "data_preview"]
    list_filter = [EventTypeFilter]
    id_fields = {"job_": "job__id"}
    search_help_text = "Job id"
    show_full_result_count = False
    sortable_by = ()
    ordering = ["-pk"]
    readonly_fields = ["job", "seq", "type", "created", "formatted_data"]

    @admin.display(description="job")
    def job_link(self, event: JobEvent) -> SafeString:
        return html.id_link("job", event.job_id, short=True)

    @admin.display(description="data")
    def data_preview(self, event: JobEvent) -> str:
        return Truncator(event.data).chars(120)

    @admin.display(description="data")
    def formatted_data(self, event: JobEvent) -> SafeString:
        return html.formatted_text(event.data)
