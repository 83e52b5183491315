from django.urls import include, path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularRedocView

from forge.api.views import (
    analyze,
    archive,
    credits,
    documentation,
    exports,
    images,
    jobs,
    models,
    service,
    sessions,
)


class _IdConverter(StringConverter):
    """The syntax of all ids; other paths get 404 without a query."""

    regex = "[A-Za-z0-9_-]{1,64}"


register_converter(_IdConverter, "id")

_API_PAGE = SpectacularRedocView.as_view(url_name="openapi", template_name="forge/api_page.html")

_IMAGE = "sessions/<id:session_id>/images/<id:image_id>"
_VARIANTS = "jobs/<id:job_id>/images/<id:image_id>/variants"
v1 = [
    path("sessions/upload", sessions.UploadView.as_view(), name="upload"),
    path("sessions", sessions.SessionListView.as_view(), name="sessions"),
    path("sessions/<id:session_id>", sessions.SessionView.as_view(), name="session"),
    path("sessions/<id:session_id>/images", sessions.SessionImagesView.as_view(), name="session-images"),
    path(_IMAGE, images.ImageView.as_view(), name="image"),
    path(f"{_IMAGE}/metadata", images.ImageMetadataView.as_view(), name="image-metadata"),
    path(f"{_IMAGE}/file", images.ImageFileView.as_view(), name="image-file"),
    path(f"{_IMAGE}/sidecar.xmp", images.ImageSidecarView.as_view(), name="image-sidecar"),
    path(f"{_IMAGE}/thumbnail", images.ImageThumbnailView.as_view(), name="image-thumbnail"),
    path("sessions/<id:session_id>/archive", archive.SessionArchiveView.as_view(), name="session-archive"),
    path("sessions/<id:session_id>/analyze", analyze.AnalyzeView.as_view(), name="analyze"),
    path("sessions/<id:session_id>/analyze-single", analyze.AnalyzeSingleView.as_view(), name="analyze-single"),
    path("sessions/<id:session_id>/export", exports.ExportView.as_view(), name="export"),
    path("sessions/<id:session_id>/sample", exports.SampleView.as_view(), name="sample"),
    path("jobs", jobs.JobListView.as_view(), name="jobs"),
    path("jobs/<id:job_id>", jobs.JobView.as_view(), name="job"),
    path("jobs/<id:job_id>/cancel", jobs.JobCancelView.as_view(), name="job-cancel"),
    path("jobs/<id:job_id>/events", jobs.JobEventsView.as_view(), name="job-events"),
    path("jobs/<id:job_id>/archive", exports.JobArchiveView.as_view(), name="job-archive"),
    path(f"{_VARIANTS}/<id:variant_id>", exports.VariantView.as_view(), name="job-variant"),
    path("credits/balance", credits.BalanceView.as_view(), name="balance"),
    path("credits/check", credits.CheckView.as_view(), name="check"),
    path("credits/ledger", credits.LedgerView.as_view(), name="ledger"),
    path("models", models.ModelListView.as_view(), name="models"),
    path("openapi.json", documentation.DocumentView.as_view(), name="openapi"),
    path("docs/", _API_PAGE, name="docs"),
    path("docs", _API_PAGE, name="docs-without-slash"),
    path("docs/redoc.js", documentation.RedocScriptView.as_view(), name="docs-script"),
]

urlpatterns = [
    path("image-forge-api/v1/", include(v1)),
    path("healthz", service.HealthView.as_view(), name="healthz"),
    path("readyz", service.ReadyView.as_view(), name="readyz"),
    path("metrics", service.MetricsView.as_view(), name="metrics"),
]
