"""What a reader wants to know of records they must tell apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.refs import Ref
from connector.lake.layout import FIELD
from connector.lake.reading import Lake
from connector.ports.traits import AdapterTraits

_PERSON = ("first_name", "last_name", "email", "title", "company", "phone", "city", "country")
_ACCOUNT = ("name", "website", "city", "country", "phone")


def known_of(
    candidates: Iterable[str], lake: Lake, traits: Sequence[AdapterTraits], crm: AdapterTraits, *, as_of: datetime
) -> dict[str, dict[str, str]]:
    """Give names, addresses, company and dates of records, by the candidate's name; what is blank is left out.

    A candidate is a reference as text, or the id of an account of the CRM. People's data: for a screen, not for a log.
    """
    wanted: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for name in candidates:
        ref = Ref.parse(name) if name.count(":") > 1 else Ref(crm.system, "account", name)
        wanted[ref.system, ref.object][ref.id] = name
    found: dict[str, dict[str, str]] = {}
    for one in traits:
        for (system, object_), ids in wanted.items():
            if system == one.system:
                is_account = object_ == "account"
                native = (one.accounts if is_account else one.people).get(object_, {})
                columns = {
                    name: FIELD + native[name] for name in (_ACCOUNT if is_account else _PERSON) if name in native
                }
                table = lake.current(system, object_, as_of=as_of, columns=list(columns.values()))
                rows = table.filter(pc.is_in(table.column("id"), value_set=pa.array(list(ids), pa.string())))
                found |= {ids[row["id"]]: _known(row, columns) for row in rows.to_pylist()}
    return found


def _known(row: Mapping[str, object], columns: Mapping[str, str]) -> dict[str, str]:
    known = {name: str(row[column]) for name, column in columns.items() if row.get(column)}
    for name in ("created_at", "modified_at"):
        moment = row[name]
        if isinstance(moment, datetime):
            known[name] = f"{moment:%Y-%m-%d}"
    if row["deleted"]:
        known["deleted"] = "yes"
    return known
