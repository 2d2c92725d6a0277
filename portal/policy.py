"""THE permission table: which kind of user may use which kind of route. Pure; asked by @permission, obeyed by the menus.

Three questions have three places: may this kind of user use this route (here); may they see this row (a scoped query, or 404);
may this step happen now (wishes/lifecycle.py, or 409).
"""

from __future__ import annotations

PUBLIC = "public"
SIGNED_IN = "signed_in"
STAFF = frozenset({"clerk", "reviewer", "admin", "auditor"})

PERMISSIONS: dict[str, frozenset[str]] = {
    # reading
    "board.read": frozenset({PUBLIC}),
    "site.use": frozenset({PUBLIC}),
    "account.own": frozenset({SIGNED_IN}),
    "wish.browse": frozenset({SIGNED_IN}),
    "desk.read": STAFF,
    "household.read": frozenset({"clerk", "reviewer", "auditor"}),
    "posting.read": frozenset({"clerk", "reviewer", "auditor"}),
    "claim.follow": frozenset({"clerk", "reviewer", "auditor"}),
    "delivery.read": frozenset({"clerk", "reviewer", "auditor"}),
    "publication.read": frozenset({"reviewer", "auditor"}),
    "enterprise.read": frozenset({"reviewer", "admin", "auditor"}),
    "event.read": frozenset({"auditor", "admin"}),
    # grassroots work
    "household.write": frozenset({"clerk"}),
    "household.reveal": frozenset({"clerk", "reviewer"}),
    "posting.write": frozenset({"clerk"}),
    "station.take": frozenset({"clerk"}),
    "delivery.sign": frozenset({"clerk"}),
    # district work
    "posting.review": frozenset({"reviewer"}),
    "delivery.confirm": frozenset({"reviewer"}),
    "delivery.reverse": frozenset({"reviewer"}),
    "claim.revoke": frozenset({"reviewer"}),
    "claim.cover": frozenset({"reviewer"}),
    "publication.draft": frozenset({"reviewer"}),
    "publication.publish": frozenset({"reviewer"}),
    "enterprise.vet": frozenset({"reviewer", "admin"}),
    # enterprises
    "claim.make": frozenset({"contact"}),
    "claim.own": frozenset({"contact"}),
    "enterprise.own": frozenset({"contact"}),
    # administration
    "unit.manage": frozenset({"admin"}),
    "account.manage": frozenset({"admin"}),
    "campaign.manage": frozenset({"admin"}),
}

READING = frozenset(
    name for name in PERMISSIONS if name.endswith((".read", ".browse", ".follow"))
)  # a state-changing method is never under one of these


def allowed(permission: str, roles: frozenset[str], signed_in: bool) -> bool:
    """Whether somebody with ``roles`` may use what needs ``permission``; KeyError for a permission that is not in the table."""
    wanted = PERMISSIONS[permission]
    return PUBLIC in wanted or (signed_in and (SIGNED_IN in wanted or bool(wanted & roles)))
