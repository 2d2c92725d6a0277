"""Runs the migrations on the portal's own engine, on SQLite and PostgreSQL alike.

A step is one transaction on both engines, so a step that is killed half-way leaves nothing behind.
"""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, TypeDecorator, text

database = current_app.extensions["migrate"].db
LOCK = 20270101  # any number, as long as all processes of the portal use the same


def drop_empty(_context, _revision, directives) -> None:  # type: ignore[no-untyped-def]
    """`portal migrate` without a difference writes no empty step."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Steps name only SQLAlchemy's own types, so that an old step still runs when the portal's code has moved on."""
    return f"sa.{item.impl_instance!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        render_as_batch=True,  # SQLite changes a table by writing it anew
        compare_type=True,
        render_item=render_item,
        transaction_per_migration=True,
        transactional_ddl=True,
        process_revision_directives=drop_empty,
    )
    with context.begin_transaction():
        context.run_migrations()


def on_sqlite() -> None:
    """Foreign keys are off while tables are written anew (dropping the old one would delete its children), and are looked over at the end."""
    with database.engine.connect().execution_options(writing=True) as connection:
        raw = connection.connection.dbapi_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            migrate(connection)
            broken = raw.execute("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"foreign keys broken by a migration: {broken[:5]}")
        finally:
            connection.rollback()
            raw.execute("PRAGMA foreign_keys=ON")


def on_postgresql() -> None:
    """One process migrates at a time; the lock is the session's and ends with it."""
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        try:
            migrate(connection)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()


if database.engine.dialect.name == "sqlite":
    on_sqlite()
else:
    on_postgresql()
