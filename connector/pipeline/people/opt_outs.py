"""Who must not be reached, and how: every record of a person is asked, and one yes is enough (docs/operating.md)."""

from __future__ import annotations

import pyarrow as pa

from connector.domain.engine_answers import answer
from connector.domain.sql_text import literal, quoted
from connector.lake.engine import querying
from connector.lake.layout import FIELD
from connector.mapping.bundle import Mappings
from connector.mapping.fields import CHANNELS
from connector.pipeline.intake.wanted import opt_out_fields
from connector.pipeline.people.gathering import Holdings
from connector.pipeline.tables import beside
from connector.ports.traits import AdapterTraits

#: what a field holds where it says no opt-out; nothing says nothing, and any other word closes the channel
_NO = ("false", "f", "no", "n", "off", "0", "0.0", "none", "null")


def with_opt_outs(
    people: pa.Table, references: pa.Table, holdings: Holdings, mappings: Mappings, traits: list[AdapterTraits]
) -> pa.Table:
    """Set beside each person ``opt_out.CHANNEL`` (true, false, null while no record says) and ``opt_out.CHANNEL_by``.

    All records count in their latest version, those that were merged away or deleted as well, and no later no of
    another record takes a yes back: what somebody asked of one system holds for all. ``…_by`` names the records that
    say yes. ``opt_out.closed`` lists the closed channels, in order, and is empty for nearly everybody.

    Args:
        people: one row per person, in order of ``person_id``.
        references: all records of these people (``system object id person_id``).
        holdings: their records.
        mappings: the five files.
        traits: of all systems.
    """
    with querying() as connection:
        connection.register("people", people.select(["person_id"]))
        connection.register("refs", references)
        said = ["SELECT '' AS person_id, '' AS channel, false AS yes, '' AS record WHERE false"]
        for one in traits:
            for object_ in one.people:
                table = holdings.get(one.system, object_)
                fields = [
                    (channel, FIELD + name)
                    for channel, name in opt_out_fields(mappings, one, object_)
                    if FIELD + name in table.column_names
                ]
                if not fields:
                    continue
                view = f"{one.system}_{object_}_records"
                connection.register(view, table.select(["id", *dict.fromkeys(name for _, name in fields)]))
                for channel, name in fields:
                    word = f"lower(trim(r.{quoted(name)}::VARCHAR))"
                    said.append(
                        f"SELECT i.person_id, '{channel}', {word} NOT IN ({', '.join(map(literal, _NO))}), "
                        f"concat_ws(':', i.system, i.object, i.id) FROM {quoted(view)} r JOIN refs i ON i.id = r.id "
                        f"AND i.system = {literal(one.system)} AND i.object = {literal(object_)} "
                        f"WHERE {word} <> ''"
                    )
        told = ", ".join(
            f"bool_or(yes) FILTER (channel = '{channel}') AS \"opt_out.{channel}\", "
            f"string_agg(DISTINCT record, ', ' ORDER BY record) FILTER (channel = '{channel}' AND yes) "
            f'AS "opt_out.{channel}_by"'
            for channel in CHANNELS
        )
        closed = "string_agg(DISTINCT channel, ',' ORDER BY channel) FILTER (yes)"
        told_of = answer(
            connection,
            f"SELECT p.person_id, {', '.join(f'o.{quoted(name)}' for name in OF_PEOPLE)}, "
            "coalesce(o.closed, '') AS \"opt_out.closed\" FROM people p LEFT JOIN ("
            f"SELECT person_id, {told}, {closed} AS closed FROM ({' UNION ALL '.join(said)}) GROUP BY person_id"
            ") o USING (person_id) ORDER BY p.person_id",
        )
    return beside(people, told_of)


#: the columns by channel
OF_PEOPLE = tuple(f"opt_out.{channel}{end}" for channel in CHANNELS for end in ("", "_by"))
