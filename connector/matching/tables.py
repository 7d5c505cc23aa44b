"""Shapes of what matching takes and gives."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import ConfigError
from connector.ports.store import INSTANT

#: One row per person; all but ``person_id`` may be left out. ``link_account_id`` is the account an existing link names:
#: the CRM contact's own, or the one a source's company record is linked to.
PERSONS_IN = pa.schema(
    [
        ("person_id", pa.string()),
        ("link_account_id", pa.string()),
        ("email", pa.string()),
        ("company", pa.string()),
        ("website", pa.string()),
        ("country", pa.string()),
        ("state", pa.string()),
        ("city", pa.string()),
        ("postal_code", pa.string()),
        ("phone", pa.string()),
    ]
)
#: One row per account; all but ``account_id`` may be left out. ``domains`` are further domains, joined by ``;``.
#: ``owner_active`` and ``open_opportunity`` prefer an account in a tie only where they are true.
ACCOUNTS_IN = pa.schema(
    [
        ("account_id", pa.string()),
        ("name", pa.string()),
        ("website", pa.string()),
        ("domains", pa.string()),
        ("parent_id", pa.string()),
        ("owner_active", pa.bool_()),
        ("open_opportunity", pa.bool_()),
        ("latest_activity", INSTANT),
        ("country", pa.string()),
        ("state", pa.string()),
        ("city", pa.string()),
        ("postal_code", pa.string()),
        ("phone", pa.string()),
    ]
)
#: Whom people belong to for certain: one row per person whom an existing link leads to an account.
LINKED_IN = pa.schema([("account_id", pa.string()), ("email", pa.string())])
#: Remembered answers: ``same`` - the person belongs to the account; ``different`` - never.
ANSWERS = pa.schema([("person_id", pa.string()), ("account_id", pa.string()), ("answer", pa.string())])
#: Who else could be meant, likeliest first, each with its own evidence; no confidence where others come before it.
CANDIDATES = pa.list_(
    pa.struct(
        [
            ("account_id", pa.string()),
            ("method", pa.string()),
            ("confidence", pa.float64()),
            ("evidence", pa.string()),
        ]
    )
)
#: One row per person. ``method``: link, domain, name or none. ``account_id`` is the answer, or where ``review`` is true
#: the best candidate; null with method none. ``evidence`` names domains and company names, never an address.
#: ``candidates`` are those of a question, the best one first; null where nothing is asked.
MATCHES = pa.schema(
    [
        ("person_id", pa.string()),
        ("account_id", pa.string()),
        ("method", pa.string()),
        ("confidence", pa.float64()),
        ("evidence", pa.string()),
        ("runner_up", pa.string()),
        ("review", pa.bool_()),
        ("candidates", CANDIDATES),
    ]
)


def shaped(table: pa.Table, schema: pa.Schema, what: str, *, unique: bool = True) -> pa.Table:
    """Give exactly the columns of ``schema``; all but the first may be missing and become empty.

    Raises:
        ConfigError: the first column is missing, or with ``unique`` names one thing twice.
    """
    first = schema.field(0).name
    if first not in table.column_names:
        raise ConfigError("match.column", f"{what} has no column {first}", cure=f"add the column {first}")
    if unique and pc.count_distinct(table.column(first)).as_py() != table.num_rows:
        raise ConfigError("match.row", f"{what} names one {first} twice", cure="name each once")
    present = set(table.column_names)
    return pa.table(
        [
            table.column(field.name).cast(field.type) if field.name in present else pa.nulls(table.num_rows, field.type)
            for field in schema
        ],
        schema=schema,
    )
