"""The schema: models and migrations are the same, up and down and up again, and what is never changed cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from portal.database import db
from portal.wishes.operations import delivering

FOLDER = str(Path(__file__).resolve().parent.parent / "migrations")


def test_models_and_migrations_are_the_same(app):
    with app.app_context(), db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_down_and_up_again(make_app, tmp_path, engine):
    if engine == "postgresql":
        app = make_app()
    else:
        app = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'other.sqlite3'}")
    with app.app_context():
        upgrade(directory=FOLDER)
        downgrade(directory=FOLDER, revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        upgrade(directory=FOLDER)
        assert "posting" in inspect(db.engine).get_table_names()


@pytest.mark.parametrize("act", ["update event set action = 'x'", "delete from event", "update sign_off set witness = 'x'", "delete from sign_off"])
def test_events_and_sign_offs_cannot_be_changed(cast, act):
    cast.delivery(state="signed")
    with pytest.raises(DBAPIError, match="never changed"), db.engine.begin() as connection:
        connection.execute(text(act))


def test_a_signed_delivery_can_still_be_reversed(cast):
    delivery = cast.delivery(state="confirmed")
    delivering.reverse(delivery, "签错人", by=cast.zhou)
    assert delivery.state == "reversed"
