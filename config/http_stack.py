"""Django's apps, middleware and REST framework, and the OpenAPI document's head: settings that nobody changes."""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

INSTALLED_APPS = [
    "forge.apps.ForgeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "forge",
    "workers.cli",
]
MIDDLEWARE = [
    "forge.api.middleware.RequestIdMiddleware",
    "forge.api.middleware.RateLimitMiddleware",
    "forge.api.middleware.ContentPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "forge" / "studio" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {},
        "MinimumLengthValidator": {"min_length": 12},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # requested from inside, without TLS
# Browsers' preload lists hold whole domains and are hard to leave: a decision of the domain's owner.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
FILE_UPLOAD_HANDLERS = ["forge.sessions.upload_handler.UploadHandler"]
# The rest of a body goes to an unnamed file in TMPDIR. Django's 2.5 MB would be 125 MB for fifty concurrent uploads.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**16
APPEND_SLASH = False  # clients call URLs exactly as docs/api-contract.md writes them
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "forge" / "studio" / "static", ("forge-client", BASE_DIR / "clients/javascript/src")]
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["forge.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["forge.api.parsers.StrictJsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "forge.api.negotiation.JsonContentNegotiation",
    "DEFAULT_METADATA_CLASS": None,  # the document describes the API; OPTIONS is refused as other methods are
    "DEFAULT_SCHEMA_CLASS": "forge.api.schema.OperationSchema",
    "DEFAULT_THROTTLE_CLASSES": ["forge.api.throttling.RequestsThrottle"],
    "EXCEPTION_HANDLER": "forge.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Image Forge",
    "DESCRIPTION": (
        "Images in; title, alt text, caption, description, file name and SEO tags out, streamed live. Upload images "
        "into a session first, then analyze it. Send a new `Idempotency-Key` with each of these requests: repeated "
        "with the same key after a broken connection, a request is carried out once."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "The service that this document comes from."}],
    "SCHEMA_PATH_PREFIX": "/image-forge-api/v1",
    "SORT_OPERATIONS": False,  # in the order of forge/api/urls.py: upload first
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "forge.api.schema.hooks.path_parameters_camelize",
        "forge.api.schema.hooks.event_streams_describe",
    ],
    "TAGS": [
        {"name": "sessions", "description": "Upload images and analyse them; results come as an event stream."},
        {"name": "jobs", "description": "Read a job, or its event stream from any event on."},
        {"name": "credits", "description": "One credit per image; the credit of a failed image is refunded."},
        {"name": "service", "description": "Liveness and readiness. No key needed."},
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "JobStatusEnum": "forge.models.Job.Status",
        "AnalysisStatus": "forge.models.ImageAnalysis.Status",
        "CreditKind": "forge.models.CreditEntry.Kind",
        "ImageKind": "forge.models.Kind",
        "JobAction": "forge.models.Job.Action",
        "CompleteEventStatusEnum": ["complete", "partial", "failed", "cancelled"],
        "ProgressEventStatusEnum": ["processing"],
    },
}
EVENTSTREAM_STORAGE_CLASS = "forge.relay.JobEventStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "forge.relay.JobChannelManager"
