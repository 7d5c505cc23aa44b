"""By what two persons could be found to be one: hashes of every id and address that a person's records state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.domain.engine_apart import engine_apart
from connector.identity.addresses import compared, lay_domains

#: What people's records state, one row per record, ids as the systems write them: an id may name any kind of record of
#: any system. ``merged_into`` is a reference as text.
STATED = pa.schema(
    [
        (name, pa.string())
        for name in ("system", "object", "id", "email", "additional_emails", "merged_into", "crm_id", "source_id")
    ]
)
#: One row per key of a person. Persons that share no key, not even through others, are never found to be one.
KEYS = pa.schema([("key", pa.uint64()), ("person_id", pa.string())])

#: references whose keys are held in memory together
_AT_ONCE: Final = 250_000

_ID: Final = "hash('id' || chr(31) || {0})"

_IDS: Final = f"""
SELECT {_ID.format("id")} AS key, ref FROM stated
UNION ALL SELECT {_ID.format("crm_id")}, ref FROM stated WHERE crm_id <> ''
UNION ALL SELECT {_ID.format("source_id")}, ref FROM stated WHERE source_id <> ''
UNION ALL SELECT {_ID.format("regexp_extract(merged_into, '^[^:]+:[^:]+:(.*)$', 1, 's')")}, ref
FROM stated WHERE merged_into <> ''
"""

_ADDRESSES: Final = f"""
SELECT hash('mail' || chr(31) || {compared("written")}) AS key, ref
FROM address LEFT JOIN mail_domain ON mail_domain.host = split_part(written, '@', -1) WHERE contains(written, '@')
"""

#: ``key`` and ``ref`` of everything that records state
_KEYS: Final = f"{_IDS} UNION ALL {_ADDRESSES}"


def stated_keys(stated: pa.Table, references: pa.Table, ids: Iterable[str] = ()) -> pa.Table:
    """Give the keys of everything that records state (schema ``STATED``), and of the ids of ``references``.

    Columns: ``key``, ``ref`` (``system:object:id``); of further ``ids``, of which nobody says what they name, ``ref``
    is empty. Each pair once, in no order.
    """
    with _laid_out(stated) as con:
        con.register("further", pa.table({"id": pa.array(list(ids), pa.string())}))
        con.register("named", references.select(["system", "object", "id"]))
        query = (
            f"SELECT key, ref FROM ({_KEYS}) UNION SELECT {_ID.format('id')}, '' FROM further "
            f"UNION SELECT {_ID.format('id')}, concat_ws(':', system, object, id) FROM named"
        )
        return answer(con, query)


def person_keys(stated: pa.Table, identities: pa.Table, decided: pa.Table) -> Iterator[pa.Table]:
    """Give the keys of every person in ``identities`` (schema ``KEYS``), each once, in no order, some people at a time.

    Args:
        stated: what the persons' records state now (schema ``STATED``).
        identities: every reference of the persons (schema ``IDENTITIES``), those of vanished records too.
        decided: remembered answers (schema ``DECIDED``): a pair that was answered about is asked again together.
    """
    with _laid_out(stated) as con:
        con.register("identities", identities)
        con.register("decided", decided)
        con.execute(
            "CREATE TABLE place AS SELECT concat_ws(':', system, object, id) AS ref, id, person_id FROM identities"
        )
        # All at once would be the largest table of a cycle.
        turns = 1 + identities.num_rows // _AT_ONCE
        for turn in range(turns):
            mine = f"hash(person_id) % {turns} = {turn}"
            query = f"""
                SELECT key, person_id FROM ({_KEYS}) JOIN place USING (ref) WHERE {mine}
                UNION SELECT {_ID.format("id")}, person_id FROM place WHERE {mine}
                UNION SELECT {_ID.format("b.id")}, a.person_id
                FROM decided JOIN (FROM place WHERE {mine}) a ON a.ref = "left" JOIN place b ON b.ref = "right"
            """
            yield answer(con, query).cast(KEYS)


@contextmanager
def _laid_out(stated: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open tables ``stated`` (with ``ref``, ``system:object:id``), ``address`` and ``mail_domain``."""
    with engine_apart(stated.num_rows) as con:
        con.register("stated_in", stated)
        con.execute("CREATE TABLE stated AS SELECT *, concat_ws(':', system, object, id) AS ref FROM stated_in")
        con.execute(
            "CREATE TABLE address AS SELECT ref, lower(trim(email)) AS written FROM stated WHERE email <> ''"
            " UNION ALL SELECT ref, lower(trim(unnest(string_split(additional_emails, ';')))) FROM stated"
            " WHERE additional_emails <> ''"
            " UNION ALL SELECT ref, lower(trim(id)) FROM stated WHERE object = 'email'"
        )
        lay_domains(con, "address", "written")
        yield con


def closed(persons: pa.Array, sharing: pa.Table) -> pa.Array:
    """Add to some persons everybody with whom they share a key, and so on, until nobody is added.

    ``sharing`` holds the keys that several persons have (schema ``KEYS``): there are few.
    """
    while True:
        mine = pc.is_in(sharing.column("person_id"), value_set=persons)
        keys = pc.unique(sharing.filter(mine).column("key"))
        met = sharing.filter(pc.is_in(sharing.column("key"), value_set=keys)).column("person_id")
        more = pc.unique(met.filter(pc.invert(pc.is_in(met, value_set=persons))))
        if not len(more):
            return persons
        persons = pa.concat_arrays([persons, more])
