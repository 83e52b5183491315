"""Every setting of the service, read from the environment through config/env.py; docs/settings.md has them as a table.

What the environment does not change is in config/http_stack.py, config/celery_settings.py and the functions below.

With nothing set: SQLite, the embedded Valkey and local files, all below FORGE_DATA (default `.forge/`).
"""

import logging
from pathlib import Path

from config import env, vision_address
from config.celery_settings import *  # noqa: F403
from config.celery_settings import transport_options
from config.database_settings import database_settings
from config.http_stack import *  # noqa: F403
from config.http_stack import BASE_DIR
from config.log_settings import log_settings
from config.redis_address import parse_redis_url
from config.storage_address import storage_settings

# --- Environment and security (docs/production.md) --------------------------------------------------------------------

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
_hsts_seconds = env.integer("FORGE_HSTS_SECONDS", 31_536_000, least=1)
SECURE_HSTS_SECONDS = _hsts_seconds if _PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _PRODUCTION

# --- Database ---------------------------------------------------------------------------------------------------------

_database = env.database_url("DATABASE_URL", f"sqlite:///{FORGE_DATA / 'db.sqlite3'}")
_is_pooled = env.boolean("FORGE_DATABASE_POOLER", False)
_pool_size = env.integer("FORGE_DATABASE_POOL", 16, least=1)
DATABASES = {"default": database_settings(_database, pool_size=_pool_size, is_pooled=_is_pooled)}

# --- Storage ----------------------------------------------------------------------------------------------------------

_storage = env.storage_url("FORGE_STORAGE_URL")  # docs/storage.md
# Of a bucket's objects that this machine's workers have read; 0: none is kept.
FORGE_STORAGE_CACHE_BYTES = env.integer("FORGE_STORAGE_CACHE_BYTES", 2**30, least=0)
MEDIA_ROOT = Path(_storage.get("folder", FORGE_DATA / "media"))
STORAGES = storage_settings(_storage)

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
    "folder": FORGE_MODELS_DIR, "blip": FORGE_BLIP, "clip": FORGE_CLIP, "precision": FORGE_PRECISION,
}  # fmt: skip

# --- Vision server (docs/vision-server.md) ----------------------------------------------------------------------------

# An OpenAI-compatible API, up to and with its version: http://localhost:11434/v1.
FORGE_VISION_URL = vision_address.api_address(env.string("FORGE_VISION_URL", ""), required=_is_vision)
FORGE_VISION_MODEL = vision_address.model_name(env.string("FORGE_VISION_MODEL", ""), required=_is_vision)
FORGE_VISION_KEY = vision_address.bearer_token("FORGE_VISION_KEY", env.string("FORGE_VISION_KEY", ""))
FORGE_VISION_CONCURRENCY = env.integer("FORGE_VISION_CONCURRENCY", 4, least=1, most=256)  # requests of one worker
FORGE_VISION_TIMEOUT_S = env.number("FORGE_VISION_TIMEOUT_S", 60.0, least=0.1)  # one image, retries included
FORGE_VISION_FALLBACK = env.choice("FORGE_VISION_FALLBACK", "none", ["none", "embedded"])
FORGE_VISION_OPTIONS: dict[str, object] = {
    "url": FORGE_VISION_URL, "model": FORGE_VISION_MODEL, "key": FORGE_VISION_KEY,
    "concurrency": FORGE_VISION_CONCURRENCY, "timeout_s": FORGE_VISION_TIMEOUT_S,
}  # fmt: skip

# --- Local checkpoint of a vision model (docs/checkpoints.md) ---------------------------------------------------------

# A name that `models pull` has fetched, or the absolute path of a folder.
FORGE_CHECKPOINT = vision_address.checkpoint_name(env.string("FORGE_CHECKPOINT", ""), required=_is_checkpoint)
FORGE_CHECKPOINT_TIMEOUT_S = env.number("FORGE_CHECKPOINT_TIMEOUT_S", 300.0, least=0.1)  # one image
FORGE_WRITER_OPTIONS: dict[str, dict[str, object]] = {
    "vision-server": FORGE_VISION_OPTIONS,
    "transformers": {
        "folder": FORGE_MODELS_DIR, "checkpoint": FORGE_CHECKPOINT, "precision": FORGE_PRECISION,
        "timeout_s": FORGE_CHECKPOINT_TIMEOUT_S, "threads": FORGE_MODEL_THREADS,
    },
}  # fmt: skip

# --- Workers, queues and starts ---------------------------------------------------------------------------------------

FORGE_LEASE_S = env.number("FORGE_LEASE_S", 15.0, least=1.0)
FORGE_HEARTBEAT_S = env.number("FORGE_HEARTBEAT_S", 3.0, least=0.1)
FORGE_RESEND_S = env.number("FORGE_RESEND_S", 5.0, least=0.1)
FORGE_ANALYSIS_TIMEOUT_S = env.number("FORGE_ANALYSIS_TIMEOUT_S", 60.0, least=0.1)
# From the second attempt on an image is analysed alone.
FORGE_MAX_ATTEMPTS = env.integer("FORGE_MAX_ATTEMPTS", 3, least=1)
# Graceful shutdown. A supervisor must wait a little longer before SIGKILL.
FORGE_WORKER_GRACE_S = env.number("FORGE_WORKER_GRACE_S", 25.0, least=0.0)
FORGE_FAULTS = env.crash_points("FORGE_FAULTS", scripted=FORGE_MODELS == "scripted")
# How long a web server or worker waits for database, Redis and storage before it ends with a sentence.
FORGE_START_WAIT_S = env.number("FORGE_START_WAIT_S", 15.0, least=0.0)
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
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(_redis)
CELERY_TASK_DEFAULT_QUEUE = FORGE_DEFAULT_QUEUE
CELERY_TASK_QUEUES = {name: {"exchange": name, "routing_key": name} for name in FORGE_QUEUES}
# Twice the batch: one batch runs while the next is decoded. The same for requests to a vision server, and for a local
# checkpoint, which writes one image at a time.
_at_once = 1 if _is_checkpoint else max(FORGE_BATCH_SIZE, FORGE_VISION_CONCURRENCY if _is_vision else 0)
CELERY_WORKER_CONCURRENCY = env.integer("FORGE_WORKER_THREADS", 2 * _at_once, least=1)

# --- Logging ----------------------------------------------------------------------------------------------------------

FORGE_LOG_FORMAT = env.choice("FORGE_LOG_FORMAT", "json" if _PRODUCTION else "plain", ["plain", "json"])
LOGGING = log_settings(FORGE_LOG_FORMAT, env.log_level("FORGE_LOG_LEVEL", logging.INFO))
