"""Where work goes, when it is due, and what its subject says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.routing import RoutingFile, TaskTemplate
from connector.routing.pools import Desk, Owner, User
from connector.routing.route import assignments, choose_owner, due, fallback_assignment, subject

NOW = datetime(2026, 3, 6, 18, tzinfo=UTC)
ROUTING = RoutingFile.model_validate(
    {
        "assign": [
            {"when": {"account.owner": "active"}, "to": "account_owner"},
            {"when": {"country": {"in": ["DE"]}}, "to": "dach"},
            {"to": "sdr"},
        ],
        "pools": {
            "sdr": {"members": [{"user": "a"}], "fallback": {"queue": "Q"}},
            "dach": {
                "members": [{"user": "b"}],
                "hours": "Mon-Fri 09:00-17:00 Europe/Berlin",
                "fallback": {"queue": "Q"},
            },
        },
    }
)


def _template(text: str) -> TaskTemplate:
    return TaskTemplate.model_validate({"subject": text, "due": "4h"})


def _desk() -> Desk:
    users = {
        name: User(f"005{name}", name, active=name != "gone", time_zone="Pacific/Auckland" if name == "b" else "UTC")
        for name in ("a", "b", "boss", "gone")
    }
    return Desk(pools=ROUTING.pools, users=users, queues={"Q": "00G"})


def test_the_first_line_that_holds_decides() -> None:
    facts = pa.table({"account.owner": ["active", "inactive", None, "none"], "country": ["DE", "DE", "de ", None]})
    assert assignments(ROUTING, facts, now=NOW) == ["account_owner", "dach", "sdr", "sdr"]
    assert assignments(ROUTING, facts.slice(0, 0), now=NOW) == []
    assert fallback_assignment(ROUTING) == "sdr"
    assert fallback_assignment(RoutingFile(pools=ROUTING.pools)) == "sdr"
    assert fallback_assignment(RoutingFile()) == ""


@pytest.mark.parametrize(
    ("account_owner", "id_", "words"),
    [
        ("005boss", "005boss", "owns the account"),
        ("005gone", "005a", "account owner is inactive"),
        ("00G", "005a", "account has no owner"),
        (None, "005a", "account has no owner"),
    ],
)
def test_the_accounts_owner_goes_first_while_active(account_owner: str | None, id_: str, words: str) -> None:
    owner = choose_owner(_desk(), "account_owner", record_owner=None, account_owner=account_owner, otherwise="sdr")
    assert owner.id == id_
    assert words in owner.reason


def test_due_runs_in_the_pools_hours_and_falls_on_the_owners_day() -> None:
    desk = _desk()
    far = Owner("005b", "user", "b", "", "Pacific/Auckland")
    late = due(desk, "dach", timedelta(hours=7), start=NOW, owner=far)
    assert (late.at, late.day) == (datetime(2026, 3, 9, 15, tzinfo=UTC), "2026-03-10")
    always = due(desk, "sdr", timedelta(hours=4), start=NOW, owner=Owner("005a", "user", "a", ""))
    assert (always.at, always.day) == (NOW + timedelta(hours=4), "2026-03-06")
    assert due(desk, "account_owner", timedelta(hours=1), start=NOW, owner=far).at == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "words", "read"),
    [
        ("Call {first_name}: {reason}", {"first_name": "Jo", "reason": "pricing"}, "Call Jo: pricing"),
        ("Call {first_name}", {"last_name": "Doe", "company": "X"}, "Call Doe"),
        ("Call {first_name}", {"first_name": "", "last_name": None, "company": "Acme"}, "Call Acme"),
        ("Call {first_name}", {}, "Call this lead"),
        ("{grade} {form} {path}: {company}", {}, ":"),
        ("  a\n\t{company}  b ", {"company": " c\n d "}, "a c d b"),
        ("{{first_name}}", {"first_name": "Jo"}, "{first_name}"),
        # nothing beyond the words can be reached, and nothing can be blown up
        ("{first_name.__class__}", {"first_name": "Jo"}, "Jo"),
        ("{first_name!r}", {"first_name": "Jo"}, "Jo"),
        ("{first_name[0]}", {"first_name": "Jo"}, "Jo"),
        ("{first_name:>900000000}", {"first_name": "Jo"}, "Jo"),
        ("{0.__class__}|{}", {"first_name": "Jo"}, "|"),
        ("{unknown} {", {"first_name": "Jo"}, "{"),
        # what people call themselves is no template
        ("Call {first_name}", {"first_name": "{company}{0}", "company": "X"}, "Call {company}{0}"),
    ],
)
def test_subjects(text: str, words: dict[str, Any], read: str) -> None:
    assert subject(_template(text), words) == read


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80).filter(str.strip),
    st.dictionaries(st.sampled_from(["first_name", "company", "reason"]), st.none() | st.text(max_size=400)),
    st.integers(2, 255),
)
def test_any_subject_is_one_line_that_fits(text: str, words: dict[str, str | None], limit: int) -> None:
    read = subject(_template(text), words, limit=limit)
    assert len(read) <= limit
    assert read == " ".join(read.split())


@given(st.text("{}.!:[]_0acir", min_size=1, max_size=30))
def test_no_braces_crash_or_leak(text: str) -> None:
    read = subject(_template(text), {"first_name": "Jo", "a": "b"})
    assert "class" not in read
    assert "<" not in read


@pytest.mark.parametrize(
    ("deal_owner", "account_owner", "id_", "words"),
    [
        ("005b", "005boss", "005b", "owns the deal"),
        ("005gone", "005boss", "005boss", "deal owner is inactive; owns the account"),
        (None, "005gone", "005a", "deal has no owner; account owner is inactive; next in sdr"),
    ],
)
def test_news_of_a_deal_goes_to_whom_it_belongs(deal_owner, account_owner, id_, words) -> None:
    owner = choose_owner(
        _desk(), "deal_owner", record_owner=None, account_owner=account_owner, otherwise="sdr", deal_owner=deal_owner
    )
    assert (owner.id, owner.reason) == (id_, words)
