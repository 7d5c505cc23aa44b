"""A whole engine over memory: one marketing system, one CRM, a handful of people."""

from __future__ import annotations

import shutil
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from adapters.memory import MemoryCrm, MemorySource
from connector.delivery.limits import Limits
from connector.domain.records import Activity, RecordVersion
from connector.domain.refs import Ref
from connector.mapping.load import load_mappings
from connector.pipeline.cycle import Cycle
from connector.pipeline.engine import Engine
from connector.pipeline.reports.report import Report
from connector.ports.crm import FieldSpec
from state import open_store

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
_MAPPINGS = Path(str(files("mappings") / "default"))


class House:
    """An engine and the hands that move what stands around it; time goes on by an hour at a cycle."""

    def __init__(self, folder: Path, url: str, *, mode: str = "live", **words: Any) -> None:
        self.source = MemorySource(system="hubspot")
        self.crm: MemoryCrm = words.pop("crm", None) or MemoryCrm(system="crm")
        self.store = open_store(url)
        self.now = T0
        self.engine = Engine(
            install="main",
            time_zone="UTC",
            mode=mode,
            mappings=load_mappings(words.pop("mappings", _MAPPINGS)),
            sources=[self.source],
            crm=self.crm,
            store=self.store,
            lake_root=folder / "lake",
            limits=words.pop("limits", Limits({}, share=1, share_from=500)),
            calls_per_day={},
            left_to_others=0.5,
            dead_share=0.01,
            patience=timedelta(0),
            **words,
        )
        for name in ("rep1", "rep2", "rep3"):
            user = {"username": f"{name}@corp.example", "active": True, "time_zone": "UTC"}
            self.crm.add(RecordVersion(Ref("crm", "user", f"005{name}"), T0, T0, user, {}))
        fields = self.engine.mappings.fields.crm
        places = [(object_, name) for object_ in ("lead", "contact") for name in fields.person]
        places += [("account", name) for name in fields.account]
        specs = [FieldSpec(object_, name, name, "text") for object_, name in places]
        self.crm.provision(specs, (), dry_run=False)
        self.crm.add(RecordVersion(Ref("crm", "queue", "00G1"), T0, T0, {"name": "Unassigned"}, {}))

    def account(self, id_: str = "A1", **fields: Any) -> None:
        values = {"name": "Acme", "website": "acme.example", "employees": 500, "owner_id": "005rep1", **fields}
        links = {"owner": str(values["owner_id"])}
        self.crm.add(RecordVersion(Ref("crm", "account", id_), self.now, self.now, values, links))

    def contact(self, id_: str, **fields: Any) -> None:
        """Somebody in marketing."""
        values = {"email": f"jo{id_}@acme.example", "first_name": "Jo", "last_name": "Doe", "company": "Acme", **fields}
        self.source.add(RecordVersion(Ref("hubspot", "contact", id_), self.now, self.now, values, {}))

    def lead(self, id_: str, person: str, **fields: Any) -> None:
        """The same somebody in the CRM."""
        values = {"email": f"jo{person}@acme.example", "last_name": "Doe", "owner_id": "005rep2", **fields}
        links = {"owner": str(values["owner_id"])}
        self.crm.add(RecordVersion(Ref("crm", "lead", id_), self.now, self.now, values, links))

    def did(self, id_: str, kind: str, person: str, **words: Any) -> None:
        at = words.pop("at", self.now)
        self.source.add(Activity(Ref("hubspot", "event", id_), kind, Ref("hubspot", "contact", person), at, **words))

    def asks(self, id_: str, person: str, **words: Any) -> None:
        """Ask to talk to sales."""
        self.did(id_, "form_submit", person, form="contact-us", **words)

    def cycle(self) -> Cycle:
        return Cycle(self.engine, now=self.now)

    def run(self, scope: Any = "all") -> Report:
        report = self.cycle().run(scope)
        self.now += timedelta(hours=1)
        return report

    def plan(self) -> Report:
        return self.cycle().plan()

    def tasks(self) -> list[Any]:
        return [record.fields for record in self.crm.records("task").values()]

    def close(self) -> None:
        self.store.close()

    def copied(self, folder: Path) -> House:
        """Give the same house in another folder; this one is closed, and its state lies in its own as ``state.db``."""
        shutil.copytree(self.engine.lake_root.parent, folder, dirs_exist_ok=True)
        made = House(folder, f"sqlite:///{folder}/state.db", crm=deepcopy(self.crm))
        made.source, made.now = deepcopy(self.source), self.now
        made.engine.sources = [made.source]
        return made
