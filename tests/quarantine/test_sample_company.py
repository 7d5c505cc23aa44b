"""On the sample company nobody's own clicks are caught, and nearly all of what gateways and crawlers did is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from machines_words import SYSTEM, Mailbox

from connector.domain.records import Activity
from connector.domain.refs import Ref
from connector.ports.store import IDENTITIES
from connector.quarantine.judging import LOOKED_AT
from sandbox.people.build import build_world

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
PEOPLE = 3000


def test_people_are_left_alone_and_machines_are_not(mailbox: Mailbox) -> None:
    world = build_world(1, AT, PEOPLE)
    emails = {contact.key: contact.email for contact in world.contacts}
    events, made = [], {}
    for number, event in enumerate(world.events):
        email = emails[event.contact]
        if event.kind not in LOOKED_AT or email is None:
            continue
        mail = event.kind.startswith("email")
        ref = Ref(SYSTEM, "email_event" if mail else "page_view", str(number))
        person = Ref(SYSTEM, "email", email.lower()) if mail else Ref(SYSTEM, "contact", event.contact)
        events.append(Activity(ref, event.kind, person, event.at, path=event.path, campaign=event.mailing))
        made[ref.id] = (event.kind, event.by_bot)
    mailbox.land(*events, at=AT)
    rows = [
        {"system": SYSTEM, "object": object_, "id": id_, "person_id": contact.person}
        for contact in world.contacts
        if contact.email
        for object_, id_ in (("contact", contact.key), ("email", contact.email.lower()))
    ]
    identities = pa.Table.from_pylist(list({(r["object"], r["id"]): r for r in rows}.values()), IDENTITIES)
    mailbox.look(AT + timedelta(minutes=1), identities=identities)
    held = {(kind, by_bot): 0 for kind in LOOKED_AT for by_bot in (True, False)} | Counter(
        made[id_] for id_ in mailbox.held()
    )
    there = Counter(made.values())
    assert there["email_click", True] > 100
    assert held["email_click", True] == there["email_click", True]
    assert held["email_click", False] == 0, "of people's clicks none"
    assert held["page_view", False] == 0
    # opens beside a gateway's clicks are the gateway's; programs that open by themselves are told by nothing we know
    assert held["email_open", False] == 0
    assert 0 < held["email_open", True] < there["email_open", True]
