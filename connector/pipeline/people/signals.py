"""What people in sales did, and what buyers did that cannot wait: read from the lake, dated, per person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.lake.engine import querying
from connector.lake.layout import FIELD, LINK
from connector.lake.reading import Lake
from connector.mapping.bundle import Mappings
from connector.mapping.evaluate import evaluate, holds
from connector.pipeline.people.activities import Activities
from connector.pipeline.people.answers import read_answers
from connector.pipeline.people.gathering import Holdings
from connector.ports.traits import AdapterTraits

#: activity types that are a person of sales at work when they come from a system without users of its own
_HUMAN_TYPES = ("call", "meeting", "email_reply")


@dataclass(frozen=True, slots=True)
class Signals:
    """Dated signals of the CRM and the fast lane.

    ``people``: person_id, human_last, rejected_at, rejection, open_opportunity, won_opportunity, lost_at.
    ``fast_lane``: rule, person_id, system, kind, id, occurred_at, landed_at, form, path: every event of a fast-lane
    rule, in order of time, then id.
    ``activities``: what people did, with the person it belongs to.
    ``answers``: when and by whom the five questions were answered (``connector.pipeline.people.answers.read_answers``).
    """

    people: pa.Table
    fast_lane: pa.Table
    activities: Activities
    answers: pa.Table


def read_signals(
    lake: Lake,
    holdings: Holdings,
    identities: pa.Table,
    crm: AdapterTraits,
    mappings: Mappings,
    automation: Sequence[str],
    *,
    held: pa.Table | None = None,
) -> Signals:
    """Collect the signals as of the holdings.

    ``automation`` lists CRM user ids whose deeds are no human's; ``held`` are the events of machines, which are no
    signal.
    """
    activities = Activities(lake, holdings.systems, identities, holdings.as_of, held)
    with querying() as connection:
        connection.register("identities", identities)
        connection.register("deeds", activities.of_humans(crm.system, _HUMAN_TYPES))
        views: dict[str, pa.Table] = {}
        people = _people(connection, lake, holdings, crm, mappings, list(automation), views)
        answers = read_answers(connection, views, crm, mappings)
    return Signals(people, fast_lane_events(activities, mappings, holdings.as_of), activities, answers)


def _people(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    holdings: Holdings,
    crm: AdapterTraits,
    mappings: Mappings,
    automation: list[str],
    views: dict[str, pa.Table],
) -> pa.Table:
    """Read the signals; ``views`` takes the versions of records by object, registered as ``OBJECT_versions``."""
    connection.execute("CREATE TEMP TABLE automation AS SELECT unnest($ids::VARCHAR[]) AS id", {"ids": automation})
    everybody = """
        SELECT DISTINCT person_id, NULL::TIMESTAMPTZ AS human, NULL::TIMESTAMPTZ AS rejected, NULL::VARCHAR AS reason,
            false AS open, false AS won, NULL::TIMESTAMPTZ AS lost FROM identities"""
    deeds = """
        SELECT person_id, occurred_at, NULL, NULL, false, false, NULL FROM deeds
        WHERE coalesce(by_user, '') NOT IN (SELECT id FROM automation)"""
    parts = [everybody, deeds]
    for object_ in ("lead", "contact"):
        parts += _edits(connection, lake, holdings, crm, mappings, object_, views)
    parts += _opportunities(connection, holdings, crm)
    return answer(
        connection,
        f"""
        SELECT person_id, max(human) AS human_last, max(rejected) AS rejected_at,
            max_by(reason, rejected) AS rejection, bool_or(open) AS open_opportunity, bool_or(won) AS won_opportunity,
            max(lost) AS lost_at
        FROM ({" UNION ALL ".join(parts)}) GROUP BY person_id ORDER BY person_id
        """,
    )


def _edits(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    holdings: Holdings,
    crm: AdapterTraits,
    mappings: Mappings,
    object_: str,
    views: dict[str, pa.Table],
) -> list[str]:
    """Read edits of status, BANTS and rejection out of the versions of a kind of record."""
    names = crm.native.get(object_, {})
    changed_by = FIELD + names.get("changed_by", "")
    rejection = FIELD + mappings.lifecycle.rejection.field
    watched = [names.get("status", ""), *mappings.scoring.dimensions.qualification.bants.values()]
    watched = [FIELD + name for name in watched]
    asked = {changed_by, rejection, *watched}
    versions = lake.versions(crm.system, object_, as_of=holdings.as_of, columns=asked)
    columns = versions.column_names
    watched = [name for name in watched if name in columns]
    view = f"{object_}_versions"
    connection.register(view, versions)
    views[object_] = versions
    join = f"JOIN identities i ON i.system = '{crm.system}' AND i.object = '{object_}' AND i.id = v.id"
    window = "OVER (PARTITION BY id ORDER BY modified_at, landed_at, serial)"
    parts = []
    if watched and changed_by in columns:
        # A first version is no edit, nor is a deletion, nor the same version read again with further fields.
        moved = " OR ".join(f'"{name}" IS DISTINCT FROM lag("{name}") {window}' for name in watched)
        parts.append(
            f"""
            SELECT person_id, modified_at, NULL, NULL, false, false, NULL FROM (
                SELECT id, modified_at, "{changed_by}" AS by_user,
                    ({moved}) AND modified_at > lag(modified_at) {window} AS edited FROM {view} WHERE NOT deleted
            ) v {join} WHERE edited AND by_user IS NOT NULL AND by_user NOT IN (SELECT id FROM automation)"""
        )
    if rejection in columns:
        parts.append(
            f"""
            SELECT person_id, NULL, modified_at, reason, false, false, NULL FROM (
                SELECT id, modified_at, "{rejection}" AS reason,
                    "{rejection}" IS DISTINCT FROM lag("{rejection}") {window} AS fresh FROM {view}
            ) v {join} WHERE fresh AND reason IS NOT NULL"""
        )
    return parts


def _opportunities(connection: duckdb.DuckDBPyConnection, holdings: Holdings, crm: AdapterTraits) -> list[str]:
    """Join opportunities to people: by contact role, or, where an opportunity has no roles, by its account."""
    opportunities = holdings.get(crm.system, "opportunity")
    names = crm.native.get("opportunity", {})
    closed, won = FIELD + names.get("closed", ""), FIELD + names.get("won", "")
    if not {closed, won, LINK + "account"} <= set(opportunities.column_names):
        return []
    connection.register("opportunities", opportunities)
    roles = holdings.get(crm.system, "contact_role")
    if not {LINK + "contact", LINK + "opportunity"} <= set(roles.column_names):
        roles = pa.table({name: pa.array([], pa.string()) for name in ("id", LINK + "contact", LINK + "opportunity")})
        roles = roles.append_column("deleted", pa.array([], pa.bool_()))
    connection.register("roles", roles)
    contacts = holdings.get(crm.system, "contact")
    if LINK + "account" not in contacts.column_names:
        return []
    connection.register("contacts", contacts)
    by_role = f"""
        SELECT i.person_id, NULL, NULL, NULL, state = 'open', state = 'won',
            CASE state WHEN 'lost' THEN moved_at END
        FROM (
            SELECT id, modified_at AS moved_at, CASE WHEN "{won}" = 'true' THEN 'won'
                WHEN "{closed}" = 'true' THEN 'lost' ELSE 'open' END AS state
            FROM opportunities WHERE NOT deleted
        ) o JOIN (
            SELECT "{LINK}opportunity" AS opportunity, "{LINK}contact" AS contact FROM roles WHERE NOT deleted
            UNION ALL
            SELECT o.id, c.id FROM opportunities o JOIN contacts c ON c."{LINK}account" = o."{LINK}account"
            WHERE o.id NOT IN (
                SELECT "{LINK}opportunity" FROM roles WHERE NOT deleted AND "{LINK}opportunity" IS NOT NULL)
        ) r ON r.opportunity = o.id
        JOIN identities i ON i.system = '{crm.system}' AND i.object = 'contact' AND i.id = r.contact"""
    return [by_role]


_FAST_COLUMNS = ("person_id", "system", "kind", "id", "occurred_at", "landed_at", "form", "path")


def fast_lane_events(activities: Activities, mappings: Mappings, now: datetime) -> pa.Table:
    """Give every event of a fast-lane rule (``Signals.fast_lane``)."""
    tables = []
    of_types = activities.of_types([rule.on for rule in mappings.routing.fast_lane])
    for rule in mappings.routing.fast_lane:
        events = of_types.filter(pc.equal(of_types.column("type"), rule.on))
        events = events.filter(holds(evaluate(rule.where, events, now=now))).select(list(_FAST_COLUMNS))
        tables.append(events.add_column(0, "rule", pa.array([rule.id] * events.num_rows, pa.string())))
    empty = of_types.select(list(_FAST_COLUMNS)).slice(0, 0)
    return pa.concat_tables([empty.add_column(0, "rule", pa.array([], pa.string())), *tables])
