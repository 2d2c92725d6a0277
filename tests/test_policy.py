"""The permission table: who may what, held against who should; and that every page asks it."""

from __future__ import annotations

import itertools

import pytest
from flask import Flask

from portal.accounts.models import ROLES
from portal.policy import PERMISSIONS, PUBLIC, READING, SIGNED_IN, allowed

KNOWN = {"clerk", "reviewer", "admin", "auditor", "contact"}
WRITING = ("clerk", "reviewer", "admin", "contact")


def test_roles_are_those_an_account_can_have():
    assert set(ROLES) == KNOWN
    assert set().union(*PERMISSIONS.values()) - {PUBLIC, SIGNED_IN} <= KNOWN


@pytest.mark.parametrize("roles", [frozenset(some) for count in range(3) for some in itertools.combinations(sorted(KNOWN), count)], ids=sorted)
def test_a_role_opens_exactly_what_the_table_says(roles):
    for name, wanted in PERMISSIONS.items():
        assert allowed(name, roles, True) == (PUBLIC in wanted or SIGNED_IN in wanted or bool(wanted & roles)), name


def test_who_has_not_signed_in_sees_public_pages_only():
    assert {name for name in PERMISSIONS if allowed(name, frozenset(KNOWN), False)} == {"board.read", "site.use"}


def test_an_auditor_reads_and_changes_nothing():
    mine = {name for name in PERMISSIONS if "auditor" in PERMISSIONS[name]}
    assert mine <= READING
    assert mine >= {"household.read", "posting.read", "claim.follow", "delivery.read", "event.read"}


def test_an_administrator_sees_no_household():
    assert not {
        name for name in PERMISSIONS if "admin" in PERMISSIONS[name] and name.partition(".")[0] in ("household", "posting", "delivery", "station")
    }


def test_an_enterprise_does_nothing_of_the_unions():
    assert {name for name in PERMISSIONS if "contact" in PERMISSIONS[name]} == {"claim.make", "claim.own", "enterprise.own"}


def test_posting_and_reviewing_delivering_and_confirming_need_different_roles():
    for first, second in (("posting.write", "posting.review"), ("delivery.sign", "delivery.confirm")):
        assert not PERMISSIONS[first] & PERMISSIONS[second]


def test_a_permission_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        allowed("wish.eat", frozenset(KNOWN), True)


def test_every_page_asks_and_reading_never_changes(app: Flask):
    silent, changing = [], []
    for rule in app.url_map.iter_rules():
        name = getattr(app.view_functions[rule.endpoint], "permission", None)
        if name not in PERMISSIONS:
            silent.append(rule.endpoint)
        elif name in READING and (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            changing.append(rule.endpoint)
    assert silent == []
    assert changing == ["households.find"], "a search by ID number or name is sent in a body, so that no address holds it; nothing else may"
