"""Django's settings of one process, from its home and its zone (see base/home.py)."""

import os
import secrets
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from ariyippu.base import home, keys

ZONE = home.current_zone()
HOME = home.current()

# --- apps: each belongs to one zone, and its tables to that zone's database --------------------------

ZONE_APPS = {
    "office": ["ariyippu.web"],
    "vault": [
        "ariyippu.base",
        "ariyippu.grant",
        "ariyippu.ingest",
        "ariyippu.link",
        "ariyippu.notice",
        "ariyippu.policy",
        "ariyippu.send",
        "ariyippu.track",
        "ariyippu.transparency",
    ],
}
INSTALLED_APPS = ZONE_APPS[ZONE]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def database_url() -> str:
    """The zone's DSN: from the environment, else from the home; empty before the home is installed."""
    given = os.environ.get("ARIYIPPU_DATABASE_URL") or os.environ.get(f"ARIYIPPU_{ZONE.upper()}_DATABASE_URL")
    if given:
        return given
    file = HOME.database_url_file(ZONE)
    return file.read_text().strip() if file.exists() else ""


_dsn = conninfo_to_dict(database_url())
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _dsn.pop("dbname", "") or "",
        "USER": _dsn.pop("user", "") or "",
        "PASSWORD": _dsn.pop("password", "") or "",
        "HOST": _dsn.pop("host", "") or "",
        "PORT": _dsn.pop("port", "") or "",
        "OPTIONS": {**_dsn, "application_name": f"ariyippu-{ZONE}"},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}


# --- web ---------------------------------------------------------------------------------------------


def secret_key() -> str:
    """The office's signing secret, made on first use; the vault signs no cookie and needs none."""
    file: Path = HOME.office / "secret.key"
    if ZONE == "vault" or not HOME.office.exists():
        return secrets.token_urlsafe(48)
    if not file.exists():
        keys.write_secret(file, secrets.token_urlsafe(48))
    return file.read_text()


SECRET_KEY = secret_key()
DEBUG = False
ALLOWED_HOSTS = ["*"]  # both processes listen on 127.0.0.1, behind the installation's own web server
ROOT_URLCONF = {"office": "ariyippu.web.urls", "vault": "ariyippu.web.hatch"}[ZONE]
MIDDLEWARE = {
    "office": [
        "django.middleware.security.SecurityMiddleware",
        "csp.middleware.CSPMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "vault": ["django.middleware.common.CommonMiddleware"],
}[ZONE]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "style-src": ["'self'"],
        "font-src": ["'self'"],
        "img-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
            ]
        },
    }
]
LANGUAGES = [("en", "English"), ("ml", "മലയാളം")]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [Path(__file__).parent.parent / "web" / "locale"]
USE_TZ = True
TIME_ZONE = "Asia/Kolkata"
STATIC_URL = "/static/"
LOGGING_CONFIG = None  # base/logs.py
