"""Every setting of the portal: its name, its default and what it means.

A setting comes from the environment (``PORTAL_<NAME>``) or from ``settings.toml`` in the instance folder; the environment wins.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class SettingError(ValueError):
    """A setting that cannot be used; the message names it and says what would do."""


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults. Durations are in the unit that the name says."""

    INSTANCE: str = _setting(str(ROOT / "instance"), "folder for the database, the keys and settings.toml")
    DATABASE_URL: str = _setting("", "empty: SQLite in the instance folder; or postgresql+psycopg://user:password@host/name")
    SECRET_KEY: str = _setting("", "signs cookies; empty: made once and kept in the instance folder")
    KEYS_FILE: str = _setting("", "keys of the encrypted fields; empty: keys.json in the instance folder. Keep a copy elsewhere")
    HOST: str = _setting("127.0.0.1", "address the server listens on")
    PORT: int = _setting(8000, "port the server listens on")
    THREADS: int = _setting(8, "requests worked on at the same time by one server process")
    HTTPS: bool = _setting(False, "true when browsers reach the portal by https: cookies are then marked Secure")
    PROXIES: int = _setting(0, "number of trusted reverse proxies in front (0: the client's address is the peer's)")
    SITE_NAME: str = _setting("云湖经济开发区总工会", "name of the union shown at the top and in the footer")
    SITE_PHONE: str = _setting("0512-0000 0000", "phone of the union's service centre, shown in the footer")
    HOTLINE: str = _setting("12351", "help line shown on every page")
    DEMO: bool = _setting(False, "shows the ribbon that this is a demonstration")
    IDLE_MINUTES: int = _setting(30, "a session without a request for so long ends")
    SESSION_HOURS: int = _setting(12, "a session ends after so long, whatever happens")
    SIGN_IN_TRIES: int = _setting(5, "wrong passwords for one account before it waits")
    SIGN_IN_TRIES_SOURCE: int = _setting(30, "wrong passwords from one address before it waits")
    SIGN_IN_WAIT_MINUTES: int = _setting(15, "how long a throttled sign-in waits")
    UPLOAD_MB: int = _setting(12, "largest request that is read, in MB")
    CLOCK_SECONDS: int = _setting(60, "how often the running server looks for overdue claims; 0: never (use `portal lapse`)")
    FACET_SECONDS: float = _setting(2.0, "how old the hall's counts beside the filters may be")
    LOG_LEVEL: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    TESTING: bool = _setting(False, "for the test suite only")

    def database_url(self) -> str:
        """The SQLAlchemy URL, with the embedded database when none is set."""
        if not self.DATABASE_URL:
            return f"sqlite:///{Path(self.INSTANCE) / 'portal.sqlite3'}"
        url = self.DATABASE_URL
        # A bare postgresql:// means psycopg2 to SQLAlchemy before 2.1; say the driver that is installed.
        return url.replace("postgresql://", "postgresql+psycopg://", 1) if url.startswith("postgresql://") else url


def _convert(name: str, default: Any, value: Any) -> Any:
    kind = type(default)
    try:
        if kind is bool:
            if isinstance(value, bool):
                return value
            return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False, "": False}[
                str(value).lower()
            ]
        return kind(value)
    except (KeyError, ValueError) as problem:
        raise SettingError(f"PORTAL_{name}: {value!r} is not a {kind.__name__}") from problem


def load(overrides: dict[str, Any] | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Settings from defaults, then settings.toml, then the environment, then ``overrides``.

    Raises SettingError for an unknown name in settings.toml or a value of the wrong type.
    """
    environ = dict(os.environ) if environ is None else environ
    defaults = {item.name: item.default for item in fields(Settings)}
    found: dict[str, Any] = {}
    given = overrides or {}
    instance = Path(str(given.get("INSTANCE") or environ.get("PORTAL_INSTANCE") or defaults["INSTANCE"]))
    file = instance / "settings.toml"
    if file.is_file():
        for name, value in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if name.upper() not in defaults:
                raise SettingError(f"{file}: {name} is not a setting of the portal")
            found[name.upper()] = value
    found.update({name: environ[f"PORTAL_{name}"] for name in defaults if f"PORTAL_{name}" in environ})
    found.update(given)
    unknown = set(found) - set(defaults)
    if unknown:
        raise SettingError(f"not a setting of the portal: {', '.join(sorted(unknown))}")
    return Settings(**{name: _convert(name, defaults[name], value) for name, value in found.items()})
