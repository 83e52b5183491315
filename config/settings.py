"""Every setting of the service, read from the environment through config/env.py; docs/settings.md has them as a table.

With nothing set: SQLite, the embedded Valkey and local files, all below FORGE_DATA (default `.forge/`).
"""

import logging
from pathlib import Path

from config import env, vision_address
from config.redis_address import parse_redis_url

# --- Environment and security (docs/production.md) --------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
FORGE_DATA = env.private_folder(Path(env.string("FORGE_DATA", str(BASE_DIR / ".forge"))).absolute())
FORGE_ENV = env.choice("FORGE_ENV", "local", ["local", "production"])
_PRODUCTION = FORGE_ENV == "production"
_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.string("SECRET_KEY", "")
ALLOWED_HOSTS = env.strings("ALLOWED_HOSTS")
if _PRODUCTION:
    env.require_in_production(
        "DEBUG", "must not be set: its error pages show the settings and the request", fulfilled=not DEBUG
    )
    env.require_in_production(
        "SECRET_KEY",
        "must be 50 random characters or more",
        fulfilled=len(SECRET_KEY) >= 50 and len(set(SECRET_KEY)) >= 5,
    )
    env.require_in_production(
        "ALLOWED_HOSTS",
        "must list the host names of the service, and not *",
        fulfilled={"*"}.isdisjoint(ALLOWED_HOSTS or "*"),
    )
else:
    SECRET_KEY = SECRET_KEY or env.installation_secret_key(FORGE_DATA)
ALLOWED_HOSTS += _LOOPBACK  # health checks of this machine
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
FORGE_CORS_ORIGINS = env.cors_origins("FORGE_CORS_ORIGINS")  # whose pages may call the API

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # requested from inside, without TLS
_hsts_seconds = env.integer("FORGE_HSTS_SECONDS", 31_536_000, least=1)
SECURE_HSTS_SECONDS = _hsts_seconds if _PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _PRODUCTION
# Browsers' preload lists hold whole domains and are hard to leave: a decision of the domain's owner.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Apps and HTTP stack ----------------------------------------------------------------------------------------------

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
APPEND_SLASH = False  # clients call URLs exactly as docs/api-contract.md writes them
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "forge" / "studio" / "static", ("forge-client", BASE_DIR / "clients/javascript/src")]
WHITENOISE_USE_FINDERS = True

# --- Database ---------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.database_url("DATABASE_URL", f"sqlite:///{FORGE_DATA / 'db.sqlite3'}")}
_is_pooled = env.boolean("FORGE_DATABASE_POOLER", False)
_pool_size = env.integer("FORGE_DATABASE_POOL", 16, least=1)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "forge.queued_sqlite3"  # write transactions wait in order
    DATABASES["default"]["OPTIONS"] = {
        # In the default (deferred) mode a transaction that reads and then writes fails with «database is locked»,
        # however long the timeout.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    DATABASES["default"]["ENGINE"] = "forge.pooled_postgresql"  # its check of a connection takes no round trip
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 0, "max_size": _pool_size, "timeout": 20}
    # Else a host that drops packets holds a thread of the pool for minutes.
    DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)
    # Else each connection that the pool kept over a restart of the server fails one request or one image.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # A pooler in transaction mode may fetch from another connection than the one that has the cursor.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = _is_pooled

# --- Storage ----------------------------------------------------------------------------------------------------------

_storage = env.storage_url("FORGE_STORAGE_URL")  # docs/storage.md
# Of a bucket's objects that this machine's workers have read; 0: none is kept.
FORGE_STORAGE_CACHE_BYTES = env.integer("FORGE_STORAGE_CACHE_BYTES", 2**30, least=0)
MEDIA_ROOT = Path(_storage.get("folder", FORGE_DATA / "media"))
STORAGES = {
    "default": {"BACKEND": "forge.storage.s3.S3Storage", "OPTIONS": _storage}
    if "bucket" in _storage
    else {
        "BACKEND": "forge.storage.local.LocalStorage",
        # Uploads are private: other users of this machine cannot read them.
        "OPTIONS": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- Uploads ----------------------------------------------------------------------------------------------------------

FORGE_MAX_IMAGES = env.integer("FORGE_MAX_IMAGES", 100, least=1)  # per request
FORGE_MAX_SESSION_IMAGES = env.integer("FORGE_MAX_SESSION_IMAGES", 10_000, least=1)
FORGE_MAX_IMAGE_BYTES = env.integer("FORGE_MAX_IMAGE_BYTES", 20 * 2**20, least=1)
FORGE_MAX_IMAGE_PIXELS = env.integer("FORGE_MAX_IMAGE_PIXELS", 50_000_000, least=1)
FORGE_MAX_IMAGE_SIDE = env.integer("FORGE_MAX_IMAGE_SIDE", 2**16 - 1, least=1)  # pixels
# CPU time: a small file can make a decoder visit a large image again and again.
FORGE_DECODE_SECONDS = env.number("FORGE_DECODE_SECONDS", 10.0, least=0.1)
# 4 to 8 bytes each: bounds the memory of a process.
FORGE_DECODE_PIXELS_AT_ONCE = env.integer("FORGE_DECODE_PIXELS_AT_ONCE", 2 * FORGE_MAX_IMAGE_PIXELS, least=1)
FORGE_MAX_REQUEST_BYTES = env.integer(
    "FORGE_MAX_REQUEST_BYTES", FORGE_MAX_IMAGES * (FORGE_MAX_IMAGE_BYTES + 2**12), least=1
)
FORGE_MAX_JSON_BYTES = env.integer("FORGE_MAX_JSON_BYTES", 2**20, least=1)  # bodies without files
# A decoded image may take 200 MB.
FORGE_UPLOAD_CHECKS = env.integer("FORGE_UPLOAD_CHECKS", 1, least=1)
# The wait for the check of one file, then 503.
FORGE_CHECK_WAIT_S = env.number("FORGE_CHECK_WAIT_S", 60.0, least=1.0)
# Files over FORGE_MAX_IMAGES are counted and refused with their number; far over it the reading stops.
DATA_UPLOAD_MAX_NUMBER_FILES = 10 * FORGE_MAX_IMAGES
FILE_UPLOAD_HANDLERS = ["forge.sessions.upload_handler.UploadHandler"]
# The rest of a body goes to an unnamed file in TMPDIR. Django's 2.5 MB would be 125 MB for fifty concurrent uploads.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**16

# --- Sessions and keys ------------------------------------------------------------------------------------------------

FORGE_SESSION_HOURS = env.number("FORGE_SESSION_HOURS", 24.0, least=0.0)
# So long after its last job a client whose stream broke can still read the session, and no request is still under way.
FORGE_EXPIRY_GRACE_S = env.number("FORGE_EXPIRY_GRACE_S", 60.0, least=1.0)
FORGE_EXPIRY_EVERY_S = env.number("FORGE_EXPIRY_EVERY_S", 30.0, least=0.1)
# 0: as long as their session.
FORGE_KEEP_DAYS = env.number("FORGE_KEEP_DAYS", 0.0, least=0.0)  # ended jobs and their events
FORGE_LEDGER_SUM_AFTER_DAYS = env.number("FORGE_LEDGER_SUM_AFTER_DAYS", 0.0, least=0.0)  # 0: never
FORGE_IDEMPOTENCY_HOURS = env.number("FORGE_IDEMPOTENCY_HOURS", 24.0, least=0.0)
FORGE_IDEMPOTENCY_LEASE_S = env.number("FORGE_IDEMPOTENCY_LEASE_S", 60.0, least=1.0)

# --- Limits -----------------------------------------------------------------------------------------------------------

# Per account, unless its row has another value; 0: no limit. Counted in Redis across web processes.
FORGE_REQUESTS_PER_MINUTE = env.integer("FORGE_REQUESTS_PER_MINUTE", 6_000, least=0)
FORGE_IMAGES_WAITING = env.integer("FORGE_IMAGES_WAITING", 10_000, least=0)
FORGE_OPEN_STREAMS = env.integer("FORGE_OPEN_STREAMS", 2_000, least=0)
FORGE_BYTES_PER_DAY = env.integer("FORGE_BYTES_PER_DAY", 100 * 2**30, least=0)
# A file that is made to decode slowly may cost FORGE_DECODE_SECONDS, and needs no credits.
FORGE_DECODE_SECONDS_PER_MINUTE = env.integer("FORGE_DECODE_SECONDS_PER_MINUTE", 30, least=0)
# Each image that is charged and refunded leaves two rows in the ledger for ever.
FORGE_REFUNDS_PER_HOUR = env.integer("FORGE_REFUNDS_PER_HOUR", 1_000, least=0)
# Images of samples, which are exported without a credit.
FORGE_SAMPLES_PER_HOUR = env.integer("FORGE_SAMPLES_PER_HOUR", 50, least=0)
FORGE_MAX_QUEUED = env.integer("FORGE_MAX_QUEUED", 100_000, least=0)  # of all accounts; 0: no limit
FORGE_SINGLE_WAIT_S = env.number("FORGE_SINGLE_WAIT_S", 60.0, least=0.0)  # analyze-single, then 504

# --- Connections and requests of one web process (docs/limits.md) -----------------------------------------------------

# Less where the process has fewer file handles (forge/limits/file_handles.py).
FORGE_CONNECTIONS = env.integer("FORGE_CONNECTIONS", 8_192, least=16)
# Each holds a thread; the others wait in the event loop, in fair order.
FORGE_REQUESTS_AT_ONCE = env.integer("FORGE_REQUESTS_AT_ONCE", 32, least=2)
FORGE_REQUEST_WAIT_S = env.number("FORGE_REQUEST_WAIT_S", 15.0, least=0.1)
# Apart from the others: they wait for their images to be validated.
FORGE_UPLOADS_AT_ONCE = env.integer("FORGE_UPLOADS_AT_ONCE", 32, least=2)
FORGE_UPLOAD_WAIT_S = env.number("FORGE_UPLOAD_WAIT_S", 60.0, least=0.1)
# Archives of sessions: each holds a file in memory while its client reads.
FORGE_ARCHIVES_AT_ONCE = env.integer("FORGE_ARCHIVES_AT_ONCE", 8, least=1)
FORGE_HEADER_WAIT_S = env.number("FORGE_HEADER_WAIT_S", 10.0, least=0.1)
FORGE_BODY_WAIT_S = env.number("FORGE_BODY_WAIT_S", 20.0, least=0.1)
FORGE_BODY_BYTES_PER_S = env.integer("FORGE_BODY_BYTES_PER_S", 1_000, least=1)
FORGE_SEND_WAIT_S = env.number("FORGE_SEND_WAIT_S", 30.0, least=0.1)
FORGE_MAX_BYTES_WITHOUT_KEY = env.integer("FORGE_MAX_BYTES_WITHOUT_KEY", 2**16, least=1)

# --- Redis: broker, pub/sub, event streams ----------------------------------------------------------------------------

FORGE_EMBEDDED_REDIS = not env.redis_url("REDIS_URL")  # `up` then starts Valkey
REDIS_URL = env.redis_url("REDIS_URL") or env.embedded_redis_url(FORGE_DATA)
_redis = parse_redis_url(REDIS_URL)
# django-eventstream makes its Redis client from this, which forge/relay replaces where Redis is found by Sentinel.
# A stalled server must not hold a request for long.
EVENTSTREAM_REDIS = {
    **_redis.options,
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
    "retry": None,  # by default ten times, which makes a minute of five seconds
}
EVENTSTREAM_STORAGE_CLASS = "forge.relay.JobEventStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "forge.relay.JobChannelManager"
FORGE_KEEPALIVE_S = env.number("FORGE_KEEPALIVE_S", 15.0, least=0.1)
FORGE_RESYNC_S = env.number("FORGE_RESYNC_S", 5.0, least=0.1)

# --- Models -----------------------------------------------------------------------------------------------------------

FORGE_MODELS = env.choice(
    "FORGE_MODELS", "auto", ["auto", "blip-clip", "embedded", "scripted", "transformers", "vision-server"]
)
_is_vision, _is_checkpoint = FORGE_MODELS == "vision-server", FORGE_MODELS == "transformers"
FORGE_SCRIPT = env.json_object("FORGE_SCRIPT")  # options of the scripted model, for tests
FORGE_BATCH_SIZE = env.integer("FORGE_BATCH_SIZE", 8, least=1, most=256)
FORGE_MODEL_THREADS = env.integer("FORGE_MODEL_THREADS", 1, least=1)
# A child process does not wait for the worker's other threads; it takes some dozens of megabytes.
FORGE_MODEL_PROCESS = env.boolean("FORGE_MODEL_PROCESS", FORGE_MODELS != "scripted")
FORGE_MODEL_IDLE_S = env.number("FORGE_MODEL_IDLE_S", 0.0, least=0.0)
# auto: text in images is read where the packages of requirements.txt are installed.
FORGE_OCR = env.choice("FORGE_OCR", "auto", ["auto", "off"])
# Images show clothes, and captioners guess gender from them.
FORGE_NEUTRAL_PEOPLE = env.boolean("FORGE_NEUTRAL_PEOPLE", True)
# Checkpoints: names on the hub, or absolute paths of folders.
FORGE_MODELS_DIR = Path(env.string("FORGE_MODELS_DIR", str(FORGE_DATA / "models"))).absolute()
FORGE_BLIP = env.string("FORGE_BLIP", "Salesforce/blip-image-captioning-base")
FORGE_CLIP = env.string("FORGE_CLIP", "openai/clip-vit-base-patch32")
FORGE_PRECISION = env.choice("FORGE_PRECISION", "auto", ["auto", "fp32", "bf16", "int8"])
FORGE_HUB_URL = env.http_url("FORGE_HUB_URL", "https://huggingface.co")
FORGE_HUB_TOKEN = vision_address.bearer_token("FORGE_HUB_TOKEN", env.string("FORGE_HUB_TOKEN", ""))
FORGE_MODEL_OPTIONS: dict[str, object] = {
    "folder": FORGE_MODELS_DIR,
    "blip": FORGE_BLIP,
    "clip": FORGE_CLIP,
    "precision": FORGE_PRECISION,
}

# --- Vision server (docs/vision-server.md) ----------------------------------------------------------------------------

# An OpenAI-compatible API, up to and with its version: http://localhost:11434/v1.
FORGE_VISION_URL = vision_address.api_address(env.string("FORGE_VISION_URL", ""), required=_is_vision)
FORGE_VISION_MODEL = vision_address.model_name(env.string("FORGE_VISION_MODEL", ""), required=_is_vision)
FORGE_VISION_KEY = vision_address.bearer_token("FORGE_VISION_KEY", env.string("FORGE_VISION_KEY", ""))
FORGE_VISION_CONCURRENCY = env.integer("FORGE_VISION_CONCURRENCY", 4, least=1, most=256)  # requests of one worker
FORGE_VISION_TIMEOUT_S = env.number("FORGE_VISION_TIMEOUT_S", 60.0, least=0.1)  # one image, retries included
FORGE_VISION_FALLBACK = env.choice("FORGE_VISION_FALLBACK", "none", ["none", "embedded"])
FORGE_VISION_OPTIONS: dict[str, object] = {
    "url": FORGE_VISION_URL,
    "model": FORGE_VISION_MODEL,
    "key": FORGE_VISION_KEY,
    "concurrency": FORGE_VISION_CONCURRENCY,
    "timeout_s": FORGE_VISION_TIMEOUT_S,
}

# --- Local checkpoint of a vision model (docs/checkpoints.md) ---------------------------------------------------------

# A name that `models pull` has fetched, or the absolute path of a folder.
FORGE_CHECKPOINT = vision_address.checkpoint_name(env.string("FORGE_CHECKPOINT", ""), required=_is_checkpoint)
FORGE_CHECKPOINT_TIMEOUT_S = env.number("FORGE_CHECKPOINT_TIMEOUT_S", 300.0, least=0.1)  # one image
FORGE_WRITER_OPTIONS: dict[str, dict[str, object]] = {
    "vision-server": FORGE_VISION_OPTIONS,
    "transformers": {
        "folder": FORGE_MODELS_DIR,
        "checkpoint": FORGE_CHECKPOINT,
        "precision": FORGE_PRECISION,
        "timeout_s": FORGE_CHECKPOINT_TIMEOUT_S,
        "threads": FORGE_MODEL_THREADS,
    },
}

# --- Workers ----------------------------------------------------------------------------------------------------------

FORGE_LEASE_S = env.number("FORGE_LEASE_S", 15.0, least=1.0)
FORGE_HEARTBEAT_S = env.number("FORGE_HEARTBEAT_S", 3.0, least=0.1)
FORGE_RESEND_S = env.number("FORGE_RESEND_S", 5.0, least=0.1)
FORGE_ANALYSIS_TIMEOUT_S = env.number("FORGE_ANALYSIS_TIMEOUT_S", 60.0, least=0.1)
# From the second attempt on an image is analysed alone.
FORGE_MAX_ATTEMPTS = env.integer("FORGE_MAX_ATTEMPTS", 3, least=1)
# Graceful shutdown. A supervisor must wait a little longer before SIGKILL.
FORGE_WORKER_GRACE_S = env.number("FORGE_WORKER_GRACE_S", 25.0, least=0.0)
FORGE_FAULTS = env.crash_points("FORGE_FAULTS", scripted=FORGE_MODELS == "scripted")

# --- Start ------------------------------------------------------------------------------------------------------------

# How long a web server or worker waits for database, Redis and storage before it ends with a sentence.
FORGE_START_WAIT_S = env.number("FORGE_START_WAIT_S", 15.0, least=0.0)

# --- Queues -----------------------------------------------------------------------------------------------------------

# Which queue the images of an account without one of its own go to, and which a worker serves, the first before others.
FORGE_DEFAULT_QUEUE = env.queue("FORGE_DEFAULT_QUEUE", "images")
FORGE_QUEUES = env.queues("FORGE_QUEUES") or [FORGE_DEFAULT_QUEUE]

# --- Metrics ----------------------------------------------------------------------------------------------------------

FORGE_METRICS_TOKEN = env.string("FORGE_METRICS_TOKEN", "")
FORGE_WORKER_METRICS_PORT = env.integer("FORGE_WORKER_METRICS_PORT", 0, least=0, most=65535)
FORGE_WORKER_METRICS_HOST = env.string("FORGE_WORKER_METRICS_HOST", "127.0.0.1")

# --- Celery -----------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = _redis.broker_url
CELERY_BROKER_USE_SSL = _redis.broker_ssl
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A Redis that is out of memory refuses single commands. Without this it would end the workers, one after the other.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the lease: by then the sweep has requeued a dead worker's images, and what kombu redelivers finds
    # nothing to claim. kombu's default of an hour would be an hour of waiting where the sweep cannot run.
    "visibility_timeout": max(60, int(4 * FORGE_LEASE_S)),
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
    **_redis.broker_options,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.05, "interval_max": 0.2}
CELERY_TASK_DEFAULT_QUEUE = FORGE_DEFAULT_QUEUE
CELERY_TASK_QUEUES = {name: {"exchange": name, "routing_key": name} for name in FORGE_QUEUES}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING below is for workers too
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
# Twice the batch: one batch runs while the next is decoded. The same for requests to a vision server, and for a local
# checkpoint, which writes one image at a time.
_at_once = 1 if _is_checkpoint else max(FORGE_BATCH_SIZE, FORGE_VISION_CONCURRENCY if _is_vision else 0)
CELERY_WORKER_CONCURRENCY = env.integer("FORGE_WORKER_THREADS", 2 * _at_once, least=1)
CELERY_IMPORTS = ("workers.tasks",)

# --- REST framework and schema ----------------------------------------------------------------------------------------

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

# --- Logging ----------------------------------------------------------------------------------------------------------

FORGE_LOG_FORMAT = env.choice("FORGE_LOG_FORMAT", "json" if _PRODUCTION else "plain", ["plain", "json"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "about": {"()": "forge.logs.LogContextFilter"},
        "tracebacks": {"()": "forge.logs.TracebackFilter"},
    },
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
        # They log each stream that opens, each task that arrives and ends, each request of the demo.
        **{
            n: {"level": "WARNING"}
            for n in ("django_eventstream", "celery.worker", "celery.app.trace", "httpx", "httpcore", "botocore")
        },
        # Their own handlers lack the ids, the removal of secrets and the format.
        **{n: {"handlers": [], "propagate": True} for n in ("uvicorn", "uvicorn.error", "django", "django.server")},
        # Each request is in the access log of forge/api/asgi once. A logger of uvicorn that is not named here would be
        # enabled again, against its --no-access-log, and logs the query string.
        "uvicorn.access": {"handlers": [], "propagate": False},
        "django.request": {"filters": ["tracebacks"]},
    },
}
