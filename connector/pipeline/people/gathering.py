"""From the lake's native columns to facts by their names in the mapping files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.domain.records import ACCOUNT_COLUMNS, PERSON_COLUMNS
from connector.domain.sql_text import quoted
from connector.identity.keys import STATED
from connector.identity.tables import DECIDED, RECORDS
from connector.lake.engine import querying
from connector.lake.layout import FIELD, LINK
from connector.lake.reading import Lake
from connector.mapping.fields import FactLine, FieldsFile
from connector.ports.traits import AdapterTraits

_SQL_TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
}
_COMPANY = ["system", "id", "person_id"]
#: what tells whether a record stands by itself
_STANDS = ["id", "deleted", "merged_into"]
#: people whose facts are folded in one go: this bounds memory, not the result
_FOLDED = 100_000
#: standard columns that are no text
_STANDARD_TYPES = {"employees": "integer", "revenue": "number", "created_at": "datetime", "updated_at": "datetime"}
#: lines of fields.yaml that say who is who rather than what is true of somebody
IDENTITY_LINES = ("crm_id", "source_id", "additional_emails")


#: (system, object) → the columns that are read of it beside those of every record, or None for all
Asked = dict[tuple[str, str], frozenset[str] | None]


@dataclass(slots=True)
class Holdings:
    """Everything the lake holds by an instant, in native columns: (system, object) → latest versions."""

    as_of: datetime
    tables: dict[tuple[str, str], pa.Table] = field(default_factory=dict)
    systems: list[str] = field(default_factory=list)
    #: e-mail addresses under which something was done, and when first: person_system, person_id, created_at
    addresses: pa.Table | None = None
    #: mergers that systems have told at any time: (system, object) → id, merged_into
    mergers: dict[tuple[str, str], pa.Table] = field(default_factory=dict)

    def get(self, system: str, object_: str) -> pa.Table:
        """Give the latest versions of one object; a table without rows and fields when there are none."""
        return self.tables.get((system, object_), pa.table({"id": pa.array([], pa.string())}))

    def with_people(self, tables: Mapping[tuple[str, str], pa.Table]) -> Holdings:
        """Give the same with other records of people: those of some of them, say."""
        return Holdings(self.as_of, self.tables | dict(tables), self.systems, self.addresses)

    def forget(self, keys: Iterable[tuple[str, str]]) -> None:
        """Let go of tables, and of the addresses, that have been worked on."""
        for key in keys:
            self.tables.pop(key, None)
        self.addresses = None


def hold(
    lake: Lake,
    traits: Sequence[AdapterTraits],
    *,
    as_of: datetime,
    asked: Asked | None = None,
    addresses: pa.Table | None = None,
) -> Holdings:
    """Read what is current at ``as_of`` for every system, or of it only what is ``asked``.

    ``addresses``: under which addresses something was done, as in ``Holdings``; else activities are read for it.
    """
    holdings = Holdings(as_of, systems=[one.system for one in traits])
    for system in holdings.systems:
        for object_ in lake.objects(system):
            if asked is None or (system, object_) in asked:
                columns = None if asked is None else asked[system, object_]
                holdings.tables[system, object_] = lake.current(system, object_, as_of=as_of, columns=columns)
    for one in traits:
        for object_ in one.people:
            mergers = lake.mergers(one.system, object_, as_of=as_of)
            if mergers.num_rows:
                holdings.mergers[one.system, object_] = mergers
    if addresses is None:
        addresses = lake.ask_activities(
            "SELECT person_system, person_id, min(occurred_at) AS created_at FROM activities "
            "WHERE person_object = 'email' AND person_id <> '' GROUP BY ALL ORDER BY ALL",
            holdings.systems,
            as_of=as_of,
        )
    holdings.addresses = addresses
    return holdings


def native_of(line: FactLine | None, standard: Mapping[str, str], name: str, system: str) -> str | None:
    """Say which native field of ``system`` feeds the fact ``name``: the mapping's word, else the adapter's."""
    if line is not None and system in line.sources:
        return line.sources[system]
    return standard.get(name)


def wanted_fields(fields: FieldsFile, traits: AdapterTraits) -> list[tuple[str, str]]:
    """List (object, native field) pairs that the mapping names for one system, beyond the adapter's own."""
    wanted: list[tuple[str, str]] = []
    for line in fields.person.values():
        native = line.sources.get(traits.system)
        if native is None:
            continue
        head, dot, tail = native.partition(".")
        if dot and head in {"company", "account"}:
            wanted.append(("account", tail))
        else:
            wanted += [(object_, native) for object_ in traits.people]
    for line in fields.account.values():
        native = line.sources.get(traits.system)
        if native is not None:
            wanted.append(("account", native))
    return list(dict.fromkeys(wanted))


class Gatherer:
    """Builds the tables the step rooms work on from one reading of the lake."""

    def __init__(self, holdings: Holdings, fields: FieldsFile, traits: Sequence[AdapterTraits], crm: str) -> None:
        self._holdings = holdings
        self._fields = fields
        self._traits = list(traits)
        self._crm = crm

    def people_records(self) -> pa.Table:
        """Give one row per record of a person in any system, and per address that is known by activities only.

        Columns: system, object, id, email, additional_emails, created_at, deleted, merged_into, crm_id, source_id.
        """
        parts: list[pa.Table] = []
        for traits in self._traits:
            for object_, standard in traits.people.items():
                table = self._holdings.get(traits.system, object_)
                if table.num_rows:
                    parts.append(self._people_part(traits.system, object_, standard, table))
        parts.append(self._addresses())
        return pa.concat_tables([part.select(RECORDS.names).cast(RECORDS) for part in parts])

    def stated(self) -> pa.Table:
        """Give every id and address that the records of people state, as they state them (schema ``STATED``)."""
        parts = [self._addresses().select(STATED.names).cast(STATED)]
        for traits in self._traits:
            for object_, standard in traits.people.items():
                table = self._holdings.get(traits.system, object_)
                if table.num_rows:
                    natives = {
                        name: FIELD + (native_of(self._fields.person.get(name), standard, name, traits.system) or "")
                        for name in ("email", *IDENTITY_LINES)
                    }
                    told = {name: _column(table, native) for name, native in natives.items()}
                    told |= {"id": table.column("id"), "merged_into": table.column("merged_into")}
                    told |= {
                        "system": pa.repeat(pa.scalar(traits.system), table.num_rows),
                        "object": pa.repeat(pa.scalar(object_), table.num_rows),
                    }
                    told["email"] = normal_emails(told["email"])
                    parts.append(pa.table({name: told[name] for name in STATED.names}).cast(STATED))
        return pa.concat_tables(parts)

    def companies(self, identities: pa.Table) -> pa.Table:
        """Give the companies and accounts that people's records are linked to: ``system id person_id``, each once."""
        parts = [identities.slice(0, 0).select(_COMPANY)]
        for traits in self._traits:
            for object_ in traits.people:
                table = self._holdings.get(traits.system, object_)
                if LINK + "account" in table.column_names:
                    system, of_kind = identities.column("system"), identities.column("object")
                    mine = identities.filter(pc.and_(pc.equal(system, traits.system), pc.equal(of_kind, object_)))
                    linked = table.filter(pc.is_valid(table.column(LINK + "account")))
                    place = pc.index_in(linked.column("id"), value_set=mine.column("id").combine_chunks())
                    told = {"system": mine.column("system"), "person_id": mine.column("person_id")}
                    told = {name: column.take(place) for name, column in told.items()}
                    rows = pa.table({**told, "id": linked.column(LINK + "account")}).drop_null()
                    parts.append(rows.group_by(rows.column_names, use_threads=False).aggregate([]).select(_COMPANY))
        return pa.concat_tables(parts)

    def parted(self) -> pa.Table:
        """Give mergers that systems have taken back: what was merged stands by itself again (schema ``DECIDED``)."""
        parts = [DECIDED.empty_table()]
        for (system, object_), mergers in self._holdings.mergers.items():
            with querying() as connection:
                connection.register("mergers", mergers)
                connection.register("records", self._holdings.get(system, object_).select(_STANDS))
                query = (
                    'SELECT concat_ws(\':\', $system, $object, id) AS "left", m.merged_into AS "right",'
                    " 'parted' AS answer FROM mergers m JOIN records r USING (id)"
                    " WHERE NOT r.deleted AND r.merged_into IS NULL ORDER BY ALL"
                )
                words = {"system": system, "object": object_}
                parts.append(answer(connection, query, words).cast(DECIDED))
        return pa.concat_tables(parts)

    def _people_part(self, system: str, object_: str, standard: Mapping[str, str], table: pa.Table) -> pa.Table:
        def column(name: str) -> pa.ChunkedArray:
            native = native_of(self._fields.person.get(name), standard, name, system)
            return _column(table, FIELD + native if native else "")

        count = table.num_rows
        return pa.table(
            {
                "system": pa.array([system] * count, pa.string()),
                "object": pa.array([object_] * count, pa.string()),
                "id": table.column("id"),
                "email": normal_emails(column("email")),
                "additional_emails": column("additional_emails"),
                "created_at": pc.coalesce(table.column("created_at"), table.column("modified_at")),
                "deleted": table.column("deleted"),
                "merged_into": table.column("merged_into"),
                "crm_id": self._references(column("crm_id"), [self._crm]),
                "source_id": self._references(column("source_id"), [t.system for t in self._traits]),
            }
        )

    def _references(self, ids: pa.ChunkedArray, systems: Sequence[str]) -> pa.ChunkedArray:
        """Turn bare ids into references by looking up which system and object holds them; unknown ones are dropped."""
        if ids.null_count == len(ids):
            return ids
        places = [(t.system, object_) for t in self._traits if t.system in systems for object_ in t.people]
        found = pa.nulls(len(ids), pa.string())
        # The first place that holds an id counts: what is found later never replaces it.
        for system, object_ in places:
            held = pc.is_in(ids, value_set=self._holdings.get(system, object_).column("id").combine_chunks())
            named = pc.binary_join_element_wise(f"{system}:{object_}", ids, ":")
            found = pc.coalesce(found, pc.if_else(held, named, pa.scalar(None, pa.string())))
        return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])

    def _addresses(self) -> pa.Table:
        addresses = self._holdings.addresses
        assert addresses is not None
        count = addresses.num_rows
        nothing = pa.nulls(count, pa.string())
        return pa.table(
            {
                "system": addresses.column("person_system"),
                "object": pa.array(["email"] * count, pa.string()),
                "id": addresses.column("person_id"),
                "email": addresses.column("person_id"),
                "additional_emails": nothing,
                "created_at": addresses.column("created_at"),
                "deleted": pa.array([False] * count, pa.bool_()),
                **dict.fromkeys(("merged_into", "crm_id", "source_id"), nothing),
            }
        )

    def person_facts(self, identities: pa.Table) -> pa.Table:
        """Give one row per living person with every fact the mappings name, by the first system that knows it.

        Systems come in the order of handoff.yaml, the CRM last; within a system the record changed last wins.
        Columns: person_id, the standard columns, further lines of fields.yaml.
        """
        names = list(dict.fromkeys([*PERSON_COLUMNS, *(n for n in self._fields.person if n not in IDENTITY_LINES)]))
        with querying() as connection:
            connection.register("identities", identities)
            selects = []
            for rank, traits in enumerate(self._traits):
                for object_, standard in traits.people.items():
                    select = self._facts_of(connection, rank, traits, object_, standard, names)
                    if select:
                        selects.append(select)
            if not selects:
                empty = [pa.field("person_id", pa.string()), *(pa.field(name, pa.string()) for name in names)]
                return pa.schema(empty).empty_table()
            folded = ", ".join(
                f'{_cast(self._type(n), f"""arg_min("{n}", place) FILTER ("{n}" IS NOT NULL)""")} AS "{n}"'
                for n in names
            )
            query = (
                f"SELECT person_id, {folded} FROM ({' UNION ALL '.join(selects)}) "
                "WHERE person_id >= $first AND person_id < $end GROUP BY person_id ORDER BY person_id"
            )
            # Folding holds every text of those it folds: so many at a time, in the order of all.
            ids = pc.unique(identities.column("person_id")).sort()
            edges = [str(ids[place]) for place in range(_FOLDED, len(ids), _FOLDED)]
            parts = [
                answer(connection, query, {"first": first, "end": end})
                for first, end in pairwise(["", *edges, "\U0010ffff"])
            ]
            return pa.concat_tables(parts)

    def _type(self, name: str) -> str:
        line = self._fields.person.get(name)
        if line is not None and line.type != "text":
            return line.type
        return _STANDARD_TYPES.get(name, "text")

    def _facts_of(
        self,
        connection: duckdb.DuckDBPyConnection,
        rank: int,
        traits: AdapterTraits,
        object_: str,
        standard: Mapping[str, str],
        names: Sequence[str],
    ) -> str:
        table = self._holdings.get(traits.system, object_)
        if not table.num_rows:
            return ""
        people, companies = f"people_{rank}_{object_}", f"companies_{rank}"
        connection.register(people, table)
        company_table = self._holdings.get(traits.system, "account")
        connection.register(companies, company_table)
        link = f'p."{LINK}account"' if LINK + "account" in table.column_names else "NULL"
        columns = []
        for name in names:
            native = native_of(self._fields.person.get(name), standard, name, traits.system) or ""
            columns.append(f"{_source(native, table, company_table)} AS {quoted(name)}")
        # The later a record changed, the smaller its place: arg_min takes the freshest within the first system.
        return (
            f"SELECT i.person_id, {rank} * 100000000000000000 - epoch_us(p.modified_at) AS place, {', '.join(columns)} "
            f"FROM {people} p "
            f"JOIN identities i ON i.id = p.id AND i.system = '{traits.system}' AND i.object = '{object_}' "
            f"LEFT JOIN {companies} c ON c.id = {link} WHERE NOT p.deleted AND p.merged_into IS NULL"
        )

    def account_facts(self) -> pa.Table:
        """Give one row per living CRM account: account_id, the standard columns, further lines of fields.yaml."""
        traits = next(t for t in self._traits if t.system == self._crm)
        table = self._holdings.get(self._crm, "account")
        names = list(dict.fromkeys([*ACCOUNT_COLUMNS, *self._fields.account]))
        if not table.num_rows:
            return pa.schema([("account_id", pa.string()), *((name, pa.string()) for name in names)]).empty_table()
        standard = traits.accounts.get("account", {})
        columns = []
        for name in names:
            native = native_of(self._fields.account.get(name), standard, name, self._crm) or ""
            type_ = (
                self._fields.account[name].type if name in self._fields.account else _STANDARD_TYPES.get(name, "text")
            )
            link = LINK + name.removesuffix("_id")
            source = (
                f'p."{link}"' if name.endswith("_id") and link in table.column_names else _source(native, table, None)
            )
            columns.append(f"{_cast(type_, source)} AS {quoted(name)}")
        with querying() as connection:
            connection.register("accounts", table)
            return answer(
                connection,
                f"SELECT id AS account_id, {', '.join(columns)} FROM accounts p "
                "WHERE NOT deleted AND merged_into IS NULL ORDER BY id",
            )


def _source(native: str, table: pa.Table, companies: pa.Table | None) -> str:
    """Write the expression for one native field, dotted into the linked account where it says so."""
    head, dot, tail = native.partition(".")
    if dot and head in {"company", "account"}:
        column = FIELD + tail
        return f"c.{quoted(column)}" if companies is not None and column in companies.column_names else "NULL::VARCHAR"
    column = FIELD + native
    return f"p.{quoted(column)}" if native and column in table.column_names else "NULL::VARCHAR"


def _cast(type_: str, expression: str) -> str:
    if type_ == "text":
        return expression
    if type_ == "integer":
        return f"TRY_CAST(round(TRY_CAST({expression} AS DOUBLE)) AS BIGINT)"
    value = f"TRY_CAST({expression} AS {_SQL_TYPES[type_]})"
    if type_ in {"date", "datetime"}:
        # ``infinity`` and years beyond four digits are dates to the engine, but to nobody who reads them afterwards.
        return f"CASE WHEN {value} BETWEEN '0002-01-01' AND '9998-12-31' THEN {value} END"
    return value


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name in table.column_names:
        return table.column(name)
    return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])


def normal_emails(addresses: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give each address in the form by which people are compared; null for what is no address."""
    text = pc.utf8_lower(pc.utf8_trim_whitespace(addresses))
    return pc.if_else(pc.match_substring_regex(text, r"^[^\s@]+@[^\s@]+\.[^\s@]+$"), text, pa.scalar(None, pa.string()))
