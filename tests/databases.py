"""Fresh databases for tests, quickly: the migrations run once per engine and test run, every test then gets a copy.

SQLite copies a file. PostgreSQL copies a template once per worker process and then empties the tables that a test has filled.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests import postgres

RUN = "PORTAL_TEST_RUN"  # environment: the folder that all processes of one test run share
SERVER = "PORTAL_TEST_POSTGRES"  # environment: a PostgreSQL that is there already
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")

EMPTY_FILLED_TABLES = """
DO $$
DECLARE name text; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || name || ')' INTO filled;
        IF filled THEN EXECUTE 'DELETE FROM ' || name; END IF;
    END LOOP;
    FOR name IN SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        EXECUTE 'ALTER SEQUENCE ' || name || ' RESTART';
    END LOOP;
END $$
"""


def run_folder() -> Path:
    """The folder shared by the processes of this test run; made by the first of them."""
    if RUN not in os.environ:
        os.environ[RUN] = str(postgres.new_folder())
    return Path(os.environ[RUN])


@contextlib.contextmanager
def once(name: str) -> Iterator[Path]:
    """One process at a time; the file given exists when somebody has finished the work of that name before."""
    with open(run_folder() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield run_folder() / f"{name}.done"


def postgres_server() -> str:
    """URL of the PostgreSQL of this run, started at the first call in any process."""
    if SERVER in os.environ:
        return os.environ[SERVER]
    with once("postgres") as done:
        if not done.exists():
            done.write_text(postgres.start(run_folder()))
        return done.read_text()


def end_run() -> None:
    """Stop what this run started; its databases on a server that was there already are dropped."""
    if RUN not in os.environ:
        return
    folder = run_folder()
    if SERVER in os.environ:
        for file in folder.glob("database-*.name"):
            postgres.drop_database(os.environ[SERVER], file.read_text())
    postgres.stop(folder)
    del os.environ[RUN]


def _postgres_name(purpose: str) -> str:
    """A name no other run uses, noted so that end_run() can drop it."""
    name = f"portal_{run_folder().name.rsplit('-', 1)[-1].lower()}_{purpose}"
    (run_folder() / f"database-{purpose}.name").write_text(name)
    return name


class SqliteStage:
    """The SQLite database of one app, in the app's instance folder."""

    def __init__(self, instance: Path, kind: str) -> None:
        self.file = instance / "portal.sqlite3"
        self.template = run_folder() / f"{kind}.sqlite3"
        self.url = f"sqlite:///{self.file}"

    def build(self, fill: Callable[[str], None]) -> None:
        """Make the template with ``fill(url)`` unless another process has."""
        with once(self.template.name) as done:
            if not done.exists():
                fill(f"sqlite:///{self.template}")
                done.touch()

    def reset(self) -> None:
        """Put the template in place. Nobody may be connected."""
        for suffix in ("-wal", "-shm", "-journal"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self.template, self.file)


class PostgresStage:
    """The PostgreSQL database of one app."""

    def __init__(self, purpose: str, kind: str) -> None:
        self.server = postgres_server()
        self.kind = kind
        self.name = _postgres_name(purpose)
        self.template = _postgres_name(f"template_{kind}")
        self.url = postgres.database_url(self.server, self.name)
        self.plain_url = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.there = False

    def build(self, fill: Callable[[str], None]) -> None:
        """Make the template with ``fill(url)`` unless another process has."""
        with once(f"template_{self.kind}") as done:
            if not done.exists():
                postgres.create_database(self.server, self.template)
                fill(postgres.database_url(self.server, self.template))
                done.touch()

    def reset(self) -> None:
        """A database like the template: emptied, if the template is empty, else copied anew. Nobody may be in a transaction."""
        if self.there and self.kind == "empty":
            with psycopg.connect(self.plain_url, options="-c lock_timeout=15s") as connection:
                connection.execute(EMPTY_FILLED_TABLES)
            return
        with once(f"template_{self.kind}"):  # a template cannot be copied twice at the same moment
            postgres.create_database(self.server, self.name, self.template)
        self.there = True
