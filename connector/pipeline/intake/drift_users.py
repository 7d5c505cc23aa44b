"""Users and queues of the CRM that routing.yaml names: where, and whether they still take work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from connector.domain.refs import digest
from connector.lake.layout import FIELD, records_stream
from connector.lake.reading import Lake
from connector.mapping.bundle import Mappings
from connector.pipeline.engine import Engine
from connector.pipeline.intake.drift_uses import place_of

#: what to do about each kind
GONE_USER: Mapping[str, str] = {
    "user": "their work goes to the others of the pool; name somebody else in routing.yaml, or let them work again",
    "queue": "what would go there goes to the next fallback; name another queue in routing.yaml, or create it again",
}


def workers_listed(engine: Engine) -> str:
    """Give a digest of the files that list users and queues: while it is the same, nobody came or left."""
    crm, manifest = engine.crm.traits().system, engine.store.manifest
    return digest(*(one.path for kind in GONE_USER for one in manifest.segments(records_stream(crm, kind))))


def workers_of(engine: Engine, *, now: datetime) -> Iterator[tuple[str, str, list[str], bool]]:
    """Give (``user`` or ``queue``, name, places, whether it is at work), as far as the CRM's list has been pulled."""
    crm, lake = engine.crm.traits(), Lake(engine.lake_root, engine.store.manifest)
    for kind, names in _named(engine.mappings).items():
        if not names:
            continue
        native = crm.native.get(kind, {})
        word, active = (FIELD + native.get(one, one) for one in ("username" if kind == "user" else "name", "active"))
        rows = lake.current(crm.system, kind, as_of=now, columns=[word, active]).to_pylist()
        if not rows:
            continue
        at_work = {
            str(row.get(word) or "").casefold()
            for row in rows
            if not row["deleted"] and (kind == "queue" or row.get(active) == "true")
        }
        for name, places in names.items():
            yield kind, name, places, name.casefold() in at_work


def _named(mappings: Mappings) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {"user": {}, "queue": {}}

    def note(kind: str, name: str | None, what: str) -> None:
        if name:
            place = place_of(mappings, "routing.yaml", name, what=what)
            found[kind].setdefault(name, []).append(place)

    for pool, line in mappings.routing.pools.items():
        for member in line.members:
            note("user", member.user, f"pools.{pool}")
        note("user", line.fallback.user, f"pools.{pool}.fallback")
        note("queue", line.fallback.queue, f"pools.{pool}.fallback")
    return found
