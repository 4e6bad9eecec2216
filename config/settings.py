"""Django's settings. What a deployment may change comes from the environment, through config.env."""

import django_stubs_ext

from config import caches, databases, env, logs, telemetry

# Lets our classes say `Paginator[Job]` or `ModelAdmin[Job]`, which Django's own cannot do at run time everywhere.
django_stubs_ext.monkeypatch()

ENV = env.load()

BASE_DIR = env.BASE_DIR
VAR_DIR = ENV.var_dir
DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key
API_KEY_PEPPER = ENV.api_key_pepper
ALLOWED_HOSTS = ENV.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENV.csrf_trusted_origins

INSTALLED_APPS = [
    "config",
    "analytics",
    "jobs",
    "accounts",
    "accounts.console.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    # Its templates of widgets, which ours stand beside.
    "django.forms",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
]

MIDDLEWARE = [
    "analytics.middleware.RequestLogMiddleware",
    "config.api.middleware.ApiMiddleware",
    "config.security_headers.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.AdminActorMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
WEB_THREADS = ENV.web_threads

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = databases.configured(ENV)
DATABASE_ROUTERS = ["config.routers.LogsRouter"]
EMBEDDED_POSTGRESQL = not ENV.database_url
BACKUP_DATABASE_URL = ENV.backup_database_url
BACKUP_LOGS_DATABASE_URL = ENV.backup_logs_database_url
CACHES = {"default": caches.default(ENV.redis_url)}
PROCESS = ENV.process
# What `manage.py setup_roles` goes by: the embedded server trusts whoever reaches its socket.
ROLE_PASSWORDS = ENV.role_passwords
DATABASE_TRUSTS = not ENV.database_url
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.password_backend.LimitedPasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"

# Of the console: everything else speaks the first one.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_PATH = "/admin/"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = ENV.https
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = ENV.static_root
STATICFILES_DIRS = [path for path in [BASE_DIR / "static"] if path.is_dir()]
# Files that jobs make. They are given out by views that ask whose they are, never by an address of their own.
MEDIA_ROOT = ENV.media_root
STORAGES = {
    "default": {"BACKEND": ENV.media_storage, "OPTIONS": ENV.media_storage_options}
    if ENV.media_storage
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"file_permissions_mode": 0o640, "directory_permissions_mode": 0o750},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# A proxy speaks HTTPS for us; probes and scrapers on the inside reach health and metrics without it.
if ENV.https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = ENV.https
CSRF_COOKIE_SECURE = ENV.https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CONSOLE_SESSION_AGE = ENV.console_session_age
CONSOLE_IDLE_TIME = ENV.console_idle_time
CONSOLE_REQUIRE_TWO_STEP = ENV.console_require_two_step
# The browser may keep the cookie as long as a session can last; when it ends is decided by accounts.session_ends.
SESSION_COOKIE_AGE = int(CONSOLE_SESSION_AGE)
# What apps show beside the name.
OTP_TOTP_ISSUER = "Ekiden"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# A bulk request is at most 5 MiB, which is also what the largest lawful list of jobs needs.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "accounts.permissions.MayWrite"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.rate_limits.UserRateThrottle"],
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.KeysetPagination",
    # The proxy that speaks HTTPS for us is the one whose X-Forwarded-For we believe.
    "NUM_PROXIES": 1 if ENV.https else 0,
    "DEFAULT_PARSER_CLASSES": ["config.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.problems.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Ekiden",
    "DESCRIPTION": "Durable jobs on PostgreSQL.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    # What may be sent and what comes back are different shapes.
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "JobStatusEnum": "jobs.statuses.Status.choices",
        "SessionStatusEnum": "jobs.statuses.SessionStatus.choices",
        "BulkStateEnum": "jobs.statuses.BulkState.choices",
        "DeadLetterGroupStatusEnum": "jobs.statuses.GroupStatus.choices",
        "DeadLetterTriageEnum": "jobs.api.triage.LETTER_STATUSES",
        "DeadLetterGroupTriageEnum": "jobs.api.triage.GROUP_STATUSES",
        "WorkerStateEnum": "jobs.api.workers.STATES",
        "StageStatusEnum": "jobs.api.article.STAGE_STATUSES",
        "SourceEnum": "jobs.api.schedule_filters.SOURCES",
        "WebhookDeliveryStateEnum": "jobs.api.webhook_endpoint.STATES",
        "SearchSourceEnum": "jobs.api.search_described.SOURCES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.openapi.require_bodies",
        "config.api.openapi.add_problems",
    ],
}

LOGGING = logs.dictionary(ENV.log_level, ENV.log_format)
TRACES_EXPORTER = ENV.traces_exporter
TRACES_SERVICE_NAME = ENV.traces_service_name
if TRACES_EXPORTER and telemetry.installed():
    MIDDLEWARE.insert(0, "config.telemetry.middleware.TraceMiddleware")

# Django's own task framework (before 6.0 the package django-tasks, where it is installed) runs on the same queue.
TASKS = {"default": {"BACKEND": "jobs.django_tasks.EkidenBackend", "QUEUES": []}}

JOB_QUEUE_WORKER_COUNT = ENV.job_queue_worker_count
JOB_QUEUE_MAX_RETRIES = ENV.job_queue_max_retries
JOB_QUEUE_BATCH_SIZE = ENV.job_queue_batch_size
JOB_QUEUE_POLL_INTERVAL = ENV.job_queue_poll_interval
JOB_QUEUE_LOCK_DURATION = ENV.job_queue_lock_duration
JOB_QUEUE_HEARTBEAT_INTERVAL = ENV.job_queue_heartbeat_interval
JOB_QUEUE_GRACE = ENV.job_queue_grace
JOB_QUEUE_RETENTION_DAYS = ENV.job_queue_retention_days
JOB_QUEUE_RETENTION_COMPLETED_DAYS = ENV.job_queue_retention_completed_days
JOB_QUEUE_RETENTION_FAILED_DAYS = ENV.job_queue_retention_failed_days
JOB_QUEUE_RETENTION_CANCELLED_DAYS = ENV.job_queue_retention_cancelled_days
JOB_QUEUE_RETENTION_DELETED_DAYS = ENV.job_queue_retention_deleted_days
JOB_QUEUE_PAYLOAD_MAX_BYTES = ENV.job_queue_payload_max_bytes
JOB_QUEUE_RESULT_MAX_BYTES = ENV.job_queue_result_max_bytes
JOB_QUEUE_LOG_LINES = ENV.job_queue_log_lines
LOG_PARTITIONS = ENV.log_partitions
LOG_RETENTION_MONTHS = ENV.log_retention_months
LOG_PAYLOAD_MAX_BYTES = ENV.log_payload_max_bytes
ANALYTICS_HOURLY_DAYS = ENV.analytics_hourly_days
ANALYTICS_METRICS_DAYS = ENV.analytics_metrics_days
SESSION_TTL = ENV.session_ttl
SESSION_MAX_TTL = ENV.session_max_ttl
SESSION_RETENTION_DAYS = ENV.session_retention_days
RATE_LIMIT_REQUESTS_PER_MINUTE = ENV.rate_limit_requests_per_minute
RATE_LIMIT_BURST_SIZE = ENV.rate_limit_burst_size
SPEECH_BASE_URL = ENV.speech_base_url
SPEECH_API_KEY = ENV.speech_api_key
SPEECH_MODEL = ENV.speech_model
SPEECH_VOICE = ENV.speech_voice
SPEECH_FORMAT = ENV.speech_format
SPEECH_TIMEOUT = ENV.speech_timeout
SPEECH_PRICE = ENV.speech_price
REDIS_URL = ENV.redis_url
ELASTICSEARCH_URLS = ENV.elasticsearch_urls
ELASTICSEARCH_API_KEY = ENV.elasticsearch_api_key
ELASTICSEARCH_CA_CERTS = ENV.elasticsearch_ca_certs
ELASTICSEARCH_INDEX = ENV.elasticsearch_index
ELASTICSEARCH_TIMEOUT = ENV.elasticsearch_timeout
AI_REQUEST_TIMEOUT = ENV.ai_request_timeout
AI_MAX_CONCURRENT_REQUESTS = ENV.ai_max_concurrent_requests
AI_FALLBACK_ENABLED = ENV.ai_fallback_enabled
AI_PROVIDERS = ENV.ai_providers
AI_DAILY_SPEND_LIMIT = ENV.ai_daily_spend_limit
AI_CALL_RETENTION_DAYS = ENV.ai_call_retention_days
ARTICLE_DELETED_RETENTION_DAYS = ENV.article_deleted_retention_days
WEBHOOK_TIMEOUT = ENV.webhook_timeout
WEBHOOK_PRIVATE_HOSTS = ENV.webhook_private_hosts
WEBHOOK_RETENTION_DAYS = ENV.webhook_retention_days
BULK_OPERATION_RETENTION_DAYS = ENV.bulk_operation_retention_days
GROQ_API_KEY = ENV.groq_api_key
GROQ_BASE_URL = ENV.groq_base_url
GROQ_MODEL = ENV.groq_model
GROQ_INPUT_PRICE = ENV.groq_input_price
GROQ_OUTPUT_PRICE = ENV.groq_output_price
GROQ_REQUESTS_PER_MINUTE = ENV.groq_requests_per_minute
GROQ_BURST_SIZE = ENV.groq_burst_size
ANTHROPIC_API_KEY = ENV.anthropic_api_key
ANTHROPIC_BASE_URL = ENV.anthropic_base_url
ANTHROPIC_MODEL = ENV.anthropic_model
ANTHROPIC_INPUT_PRICE = ENV.anthropic_input_price
ANTHROPIC_OUTPUT_PRICE = ENV.anthropic_output_price
ANTHROPIC_REQUESTS_PER_MINUTE = ENV.anthropic_requests_per_minute
ANTHROPIC_BURST_SIZE = ENV.anthropic_burst_size
CRASH_POINT = ENV.crash_point
METRICS_PUBLIC = ENV.metrics_public
