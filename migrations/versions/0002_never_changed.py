"""What is never changed, the database itself refuses to change: events, sign-offs, published issues of the board.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# table, condition on the old row (empty: every row)
KEPT = (("event", ""), ("sign_off", ""), ("publication", "old.state = 'published'"))


def upgrade() -> None:
    """Triggers that stop an UPDATE or a DELETE."""
    if op.get_bind().dialect.name == "sqlite":
        for table, condition in KEPT:
            for act in ("update", "delete"):
                when = f"when {condition} " if condition else ""
                op.execute(
                    f"create trigger {table}_never_{act} before {act} on {table} {when}begin select raise(abort, '{table} is never changed'); end"
                )
        return
    op.execute(
        "create function never_changed() returns trigger language plpgsql as "
        "$$ begin raise exception '% is never changed', tg_table_name using errcode = 'integrity_constraint_violation'; end $$"
    )
    for table, condition in KEPT:
        when = f"when ({condition}) " if condition else ""
        op.execute(f"create trigger {table}_never before update or delete on {table} for each row {when}execute function never_changed()")


def downgrade() -> None:
    """Without the triggers."""
    if op.get_bind().dialect.name == "sqlite":
        for table, _condition in KEPT:
            for act in ("update", "delete"):
                op.execute(f"drop trigger {table}_never_{act}")
        return
    for table, _condition in KEPT:
        op.execute(f"drop trigger {table}_never on {table}")
    op.execute("drop function never_changed()")
