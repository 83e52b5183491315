"""Every setting of the service; the only file that reads the environment.

Nothing set: SQLite, the embedded Valkey and local files, all below `FORGE_DATA` (default `.forge/`).
`DATABASE_URL`, `REDIS_URL` and `FORGE_MODELS` switch one part each.
"""

import contextlib
import logging
import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate
from redis.connection import parse_url

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent

FORGE_DATA = Path(env.str("FORGE_DATA", str(BASE_DIR / ".forge"))).absolute()


def _secret_of_this_installation() -> str:
    """The embedded stack's secret key, made once; a production sets SECRET_KEY."""
    path = FORGE_DATA / "secret_key"
    if not path.exists():
        FORGE_DATA.mkdir(parents=True, exist_ok=True)
        # Whole before it has its name: a process that starts beside this one never reads half a key.
        descriptor, draft = tempfile.mkstemp(dir=FORGE_DATA)
        os.write(descriptor, secrets.token_urlsafe(50).encode())
        os.close(descriptor)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        Path(draft).unlink()
    return path.read_text()


def _must(name: str, sentence: str, *, kept: bool) -> None:
    if not kept:
        raise ImproperlyConfigured(f"With FORGE_ENV=production {name} {sentence}.")


def _embedded_redis_url() -> str:
    """Where `bin/up` last started its Valkey; the usual address when it never did."""
    try:
        return (FORGE_DATA / "redis.url").read_text().strip()
    except FileNotFoundError:
        return "redis://127.0.0.1:6379/0"


_FAULT_POINTS = ("between_commit_and_enqueue", "between_model_and_commit", "between_commit_and_publish")


def _faults(given: object) -> dict[str, int]:
    if not isinstance(given, dict) or not all(isinstance(number, int) and number > 0 for number in given.values()):
        raise EnvError('Environment variable "FORGE_FAULTS" invalid: it is like {"between_commit_and_enqueue": 3}')
    if unknown := set(given) - set(_FAULT_POINTS):
        known = ", ".join(_FAULT_POINTS)
        raise EnvError(f'Environment variable "FORGE_FAULTS" invalid: no point {min(unknown)!r}; there are {known}')
    if given and FORGE_MODELS != "scripted":
        # What dies on purpose must never be what somebody relies on.
        raise EnvError('Environment variable "FORGE_FAULTS" invalid: accepted with FORGE_MODELS=scripted only')
    return given


# --- Production, or this machine only (docs/6-production.md) ----------------------------------------------------------

FORGE_ENV = env.str("FORGE_ENV", "local", validate=validate.OneOf(["local", "production"]))
_PRODUCTION = FORGE_ENV == "production"
_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [])
if _PRODUCTION:
    _must("DEBUG", "must not be set: its error pages show the settings and the request", kept=not DEBUG)
    _must(
        "SECRET_KEY", "must be 50 random characters or more", kept=len(SECRET_KEY) >= 50 and len(set(SECRET_KEY)) >= 5
    )
    _must(
        "ALLOWED_HOSTS",
        "must list the host names of the service, and not *",
        kept={"*"}.isdisjoint(ALLOWED_HOSTS or "*"),
    )
    ALLOWED_HOSTS += _LOOPBACK  # health checks of this machine
else:
    SECRET_KEY = SECRET_KEY or _secret_of_this_installation()
    ALLOWED_HOSTS = ALLOWED_HOSTS or _LOOPBACK

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked for from inside, without TLS
SECURE_HSTS_SECONDS = (
    env.int("FORGE_HSTS_SECONDS", 365 * 24 * 3600, validate=validate.Range(min=1)) if _PRODUCTION else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = _PRODUCTION
# Browsers' preload lists are about a whole domain and hard to leave: its owner's decision, not a service's.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Django -----------------------------------------------------------------------------------------------------------

CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
# Clients call URLs exactly as the contract writes them.
APPEND_SLASH = False

# --- Store ------------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.dj_db_url("DATABASE_URL", f"sqlite:///{FORGE_DATA / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that reads and then writes must own the write lock from its start:
        # with the default (deferred) mode it fails with «database is locked» however long the timeout.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    # Each process holds few connections, whatever number of requests and threads it has.
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 0,
        "max_size": env.int("FORGE_DATABASE_POOL", 16, validate=validate.Range(min=1)),
        "timeout": 20,
    }
    # Else each connection that the pool kept over a restart of the server fails one request or one image.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

MEDIA_ROOT = FORGE_DATA / "media"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        # Uploads are private: other users of this machine do not read them.
        "OPTIONS": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- Limits (CONTRACT.md, Service) ------------------------------------------------------------------------------------

FORGE_MAX_IMAGES = env.int("FORGE_MAX_IMAGES", 100, validate=validate.Range(min=1))  # a request
FORGE_MAX_IMAGE_BYTES = env.int("FORGE_MAX_IMAGE_BYTES", 20 * 2**20, validate=validate.Range(min=1))
FORGE_MAX_IMAGE_PIXELS = env.int("FORGE_MAX_IMAGE_PIXELS", 50_000_000, validate=validate.Range(min=1))
FORGE_MAX_IMAGE_SIDE = env.int("FORGE_MAX_IMAGE_SIDE", 2**16 - 1, validate=validate.Range(min=1))  # pixels
# Of the processor, for one picture: a small file can make a decoder walk over a large picture again and again.
FORGE_DECODE_SECONDS = env.float("FORGE_DECODE_SECONDS", 10.0, validate=validate.Range(min=0.1))
# What one process decodes at once, 4 to 8 bytes each: the memory of its decoders. Further pictures wait.
FORGE_DECODE_PIXELS_AT_ONCE = env.int(
    "FORGE_DECODE_PIXELS_AT_ONCE", 2 * FORGE_MAX_IMAGE_PIXELS, validate=validate.Range(min=1)
)
FORGE_MAX_REQUEST_BYTES = env.int(
    "FORGE_MAX_REQUEST_BYTES", FORGE_MAX_IMAGES * (FORGE_MAX_IMAGE_BYTES + 2**12), validate=validate.Range(min=1)
)
FORGE_MAX_JSON_BYTES = env.int("FORGE_MAX_JSON_BYTES", 2**20, validate=validate.Range(min=1))  # bodies without files
FORGE_SESSION_HOURS = env.float("FORGE_SESSION_HOURS", 24.0, validate=validate.Range(min=0.0))
# For so long a request is known by its key; one that died before it was accepted leaves its key after the lease.
FORGE_IDEMPOTENCY_HOURS = env.float("FORGE_IDEMPOTENCY_HOURS", 24.0, validate=validate.Range(min=0.0))
FORGE_IDEMPOTENCY_LEASE_S = env.float("FORGE_IDEMPOTENCY_LEASE_S", 60.0, validate=validate.Range(min=1.0))
# An expired session goes when it and its last job have been over for so long: a client whose stream broke at the end
# still reads it, and no request that found the session open is still on its way.
FORGE_EXPIRY_GRACE_S = env.float("FORGE_EXPIRY_GRACE_S", 60.0, validate=validate.Range(min=1.0))
FORGE_EXPIRY_EVERY_S = env.float("FORGE_EXPIRY_EVERY_S", 30.0, validate=validate.Range(min=0.1))
# What one account may do, unless its own row says otherwise; 0: no limit. Counted in Redis across web processes.
FORGE_REQUESTS_PER_MINUTE = env.int("FORGE_REQUESTS_PER_MINUTE", 6_000, validate=validate.Range(min=0))
FORGE_IMAGES_WAITING = env.int("FORGE_IMAGES_WAITING", 10_000, validate=validate.Range(min=0))
FORGE_OPEN_STREAMS = env.int("FORGE_OPEN_STREAMS", 2_000, validate=validate.Range(min=0))
FORGE_BYTES_PER_DAY = env.int("FORGE_BYTES_PER_DAY", 100 * 2**30, validate=validate.Range(min=0))
FORGE_MAX_QUEUED = env.int("FORGE_MAX_QUEUED", 100_000, validate=validate.Range(min=0))  # of all accounts; 0: no limit
FORGE_SINGLE_WAIT_S = env.float("FORGE_SINGLE_WAIT_S", 60.0, validate=validate.Range(min=0.0))  # analyze-single, or 504

# Files over FORGE_MAX_IMAGES are counted and refused with their number; far over it the reading stops.
DATA_UPLOAD_MAX_NUMBER_FILES = 10 * FORGE_MAX_IMAGES
FILE_UPLOAD_HANDLERS = ["forge.sessions.upload_handler.UploadHandler"]
# Of a body that arrives so much is held in memory, the rest in a file without a name (in TMPDIR). Django's own 2.5 MB
# would be 125 MB for fifty uploads at once.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**16
# A decoded picture may have 200 MB: so many are checked at once in a web process, the others wait.
FORGE_UPLOAD_CHECKS = env.int("FORGE_UPLOAD_CHECKS", 1, validate=validate.Range(min=1))

# --- Redis: broker and pub/sub ----------------------------------------------------------------------------------------

FORGE_EMBEDDED_REDIS = not env.str("REDIS_URL", "")  # `up` then starts a Valkey of its own
REDIS_URL = _embedded_redis_url() if FORGE_EMBEDDED_REDIS else env.str("REDIS_URL")
# django-eventstream makes its Redis client from this. A stalled server must not hold a request for long.
EVENTSTREAM_REDIS = {
    **parse_url(REDIS_URL),  # type: ignore[no-untyped-call]
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
    "retry": None,  # by default ten times, which makes a minute of five seconds
}
EVENTSTREAM_STORAGE_CLASS = "forge.relay.JobEventStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "forge.relay.JobChannelManager"

FORGE_KEEPALIVE_S = env.float("FORGE_KEEPALIVE_S", 15.0, validate=validate.Range(min=0.1))
# How often a web process compares its waiting streams with the log, for what neither Redis nor a gap told it.
FORGE_RESYNC_S = env.float("FORGE_RESYNC_S", 5.0, validate=validate.Range(min=0.1))

# --- Work -------------------------------------------------------------------------------------------------------------

FORGE_MODELS = env.str("FORGE_MODELS", "auto", validate=validate.OneOf(["auto", "blip-clip", "embedded", "scripted"]))
FORGE_SCRIPT: dict[str, object] = dict(env.json("FORGE_SCRIPT", {}))  # what the scripted model does, for tests
FORGE_BATCH_SIZE = env.int("FORGE_BATCH_SIZE", 8, validate=validate.Range(min=1, max=256))
FORGE_MODEL_THREADS = env.int("FORGE_MODEL_THREADS", 1, validate=validate.Range(min=1))
# The models' own process: a few dozen megabytes more, and they do not wait for the worker's other threads.
FORGE_MODEL_PROCESS = env.bool("FORGE_MODEL_PROCESS", FORGE_MODELS != "scripted")
# Models without a picture for so long give their memory back; the next picture then waits until they are loaded
# again. 0: never, since a worker's first duty is to answer at once; worth setting where others use the machine too.
FORGE_MODEL_IDLE_S = env.float("FORGE_MODEL_IDLE_S", 0.0, validate=validate.Range(min=0.0))

# Whether people are told of without their gender: "a person and their dog". Pictures show clothes and deeds, not what
# someone is, and captioners guess it; a shop or an archive that wants "a man" and "a woman" says no.
FORGE_NEUTRAL_PEOPLE = env.bool("FORGE_NEUTRAL_PEOPLE", True)
# BLIP and CLIP: names as the hub has them, or absolute paths of folders. `manage.py models pull` fills the folder.
FORGE_MODELS_DIR = Path(env.str("FORGE_MODELS_DIR", str(FORGE_DATA / "models"))).absolute()
FORGE_BLIP = env.str("FORGE_BLIP", "Salesforce/blip-image-captioning-base")
FORGE_CLIP = env.str("FORGE_CLIP", "openai/clip-vit-base-patch32")
# auto: by what the processor has; fp32 gives the same words on every machine.
FORGE_PRECISION = env.str("FORGE_PRECISION", "auto", validate=validate.OneOf(["auto", "fp32", "bf16", "int8"]))
FORGE_HUB_URL = env.str("FORGE_HUB_URL", "https://huggingface.co", validate=validate.URL(require_tld=False))
FORGE_MODEL_OPTIONS: dict[str, object] = {
    "folder": FORGE_MODELS_DIR,
    "blip": FORGE_BLIP,
    "clip": FORGE_CLIP,
    "precision": FORGE_PRECISION,
}

# A claim is a lease that its worker's heartbeat renews; the sweep queues again what a dead worker held.
FORGE_LEASE_S = env.float("FORGE_LEASE_S", 15.0, validate=validate.Range(min=1.0))
FORGE_HEARTBEAT_S = env.float("FORGE_HEARTBEAT_S", 3.0, validate=validate.Range(min=0.1))
# An image that has not begun so long after it was sent, with an empty queue, is sent again.
FORGE_RESEND_S = env.float("FORGE_RESEND_S", 5.0, validate=validate.Range(min=0.1))
# An image whose worker's models have ended no batch for so long fails, refunded: they are stuck, not slow.
FORGE_ANALYSIS_TIMEOUT_S = env.float("FORGE_ANALYSIS_TIMEOUT_S", 60.0, validate=validate.Range(min=0.1))
# So many workers may die of an image; from the second on it is analysed alone, so that no other image dies with it.
FORGE_MAX_ATTEMPTS = env.int("FORGE_MAX_ATTEMPTS", 3, validate=validate.Range(min=1))
# From SIGTERM to a worker's end: what it still holds then is queued again. A supervisor must wait a little longer.
FORGE_WORKER_GRACE_S = env.float("FORGE_WORKER_GRACE_S", 25.0, validate=validate.Range(min=0.0))
FORGE_FAULTS = _faults(env.json("FORGE_FAULTS", {}))  # where this process is to die, for tests: forge/crash_points.py

# /metrics answers this machine and its private network, or, once this is set, whoever sends it as a bearer token.
FORGE_METRICS_TOKEN = env.str("FORGE_METRICS_TOKEN", "")
# A worker's own figures on a port of its own; one for each worker of a machine. All workers' sums are at /metrics.
FORGE_WORKER_METRICS_PORT = env.int("FORGE_WORKER_METRICS_PORT", 0, validate=validate.Range(min=0, max=65535))
FORGE_WORKER_METRICS_HOST = env.str("FORGE_WORKER_METRICS_HOST", "127.0.0.1")

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A Redis that is out of memory refuses single commands. Without this it would end the workers, one after the other.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Beyond the lease: the sweep has sent a dead worker's images again by then, and what kombu then redelivers
    # finds nothing left to claim. kombu's own hour would be an hour of waiting where the sweep cannot run.
    "visibility_timeout": max(60, int(4 * FORGE_LEASE_S)),
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.05, "interval_max": 0.2}
CELERY_TASK_DEFAULT_QUEUE = "images"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING below holds for workers too
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
# Twice the batch: one batch runs while the next one decodes.
CELERY_WORKER_CONCURRENCY = env.int("FORGE_WORKER_THREADS", 2 * FORGE_BATCH_SIZE, validate=validate.Range(min=1))
CELERY_IMPORTS = ("workers.tasks",)

# --- HTTP -------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["forge.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "forge.api.negotiation.JsonContentNegotiation",
    "DEFAULT_METADATA_CLASS": None,  # the document describes the API; OPTIONS is refused as other methods are
    "DEFAULT_SCHEMA_CLASS": "forge.api.schema.FirstSentenceSchema",
    "DEFAULT_THROTTLE_CLASSES": ["forge.api.throttling.RequestsThrottle"],
    "EXCEPTION_HANDLER": "forge.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Image Forge",
    "DESCRIPTION": "Pictures in; title, alt text, caption, description, file name and SEO tags out, streamed live.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/image-forge-api/v1",
    "TAGS": [
        {"name": "sessions", "description": "Upload images and have them analysed; words come as a stream."},
        {"name": "jobs", "description": "Read a job, or its stream from any event on."},
        {"name": "credits", "description": "One credit an image; a failed image gives its credit back."},
        {"name": "service", "description": "Whether it is up. No key needed."},
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "JobStatus": "forge.models.Job.Status",
        "AnalysisStatus": "forge.models.ImageAnalysis.Status",
        "CreditKind": "forge.models.CreditEntry.Kind",
    },
}

FORGE_LOG_FORMAT = env.str(
    # People read it on their own machine, other programs in production.
    "FORGE_LOG_FORMAT",
    "json" if _PRODUCTION else "plain",
    validate=validate.OneOf(["plain", "json"]),
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"about": {"()": "forge.logs.LogContextFilter"}},
    "formatters": {
        "plain": {
            "()": "forge.logs.PlainFormatter",
            "fmt": "{asctime} {levelname} {name}:{ids} {message}",
            "style": "{",
            "validate": False,
        },
        "json": {"()": "forge.logs.JsonLineFormatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": FORGE_LOG_FORMAT, "filters": ["about"]},
    },
    "root": {"handlers": ["console"], "level": env.log_level("FORGE_LOG_LEVEL", logging.INFO)},
    "loggers": {
        # They tell of each stream that opens, each task that arrives and ends, each request the demo makes.
        **{n: {"level": "WARNING"} for n in ("django_eventstream", "celery.worker", "celery.app.trace", "httpx")},
        # Their own handlers would know nothing of ids, secrets and the format.
        **{n: {"handlers": [], "propagate": True} for n in ("uvicorn", "uvicorn.error", "django", "django.server")},
    },
}
