"""A handful of people, what happens to them hour by hour, and the engine that decides about them.

What marketing knows (facts) is a script; what the CRM holds is pulled from it; the rest is the product: memory, outbox,
``decide``, limits, drain. Reading a lake and scoring are left out here, for they have no say in what is sent twice;
``crash_cycles`` has them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adapters.memory import MemoryCrm
from benchmarks.survival.frail_crm import SYSTEM, FrailCrm
from connector.delivery.decide import decide
from connector.delivery.ground import Ground
from connector.delivery.limits import Limits, hold_excess
from connector.delivery.pending import Pending
from connector.delivery.records import own_mapping, stage_fields
from connector.delivery.shown import Shown
from connector.domain.records import RecordVersion, Value
from connector.domain.refs import Ref
from connector.domain.writes import Cause
from connector.mapping.bundle import Mappings
from connector.mapping.load import load_mappings
from connector.pipeline.decisions.withdrawing import withdraw
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow, Store
from connector.routing.pools import Desk, User, load_rotations

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = 6
#: the first so many have a lead from the beginning
WITH_LEAD = 4
MAPPINGS: Mappings = load_mappings(Path(str(files("mappings") / "default")))
#: held from here on until somebody approves
LIMITS = Limits({Cause.TASK: 2, Cause.OWNER_CHANGE: 1, Cause.CREATION: 1, Cause.STAGE_MOVE: 2}, share=1, share_from=500)
FREE = Limits({}, share=1, share_from=500)
_TRAITS = MemoryCrm(system=SYSTEM).traits()
_TEXT, _TRUTH = pa.string(), pa.bool_()
_SCHEMA = pa.schema(
    [
        *((name, _TEXT) for name in ("person_id", "subject", "crm_object", "crm_id", "record", "owner_id")),
        *((name, _TRUTH) for name in ("in_review", "crm_deleted", "erased", "baseline", "entered", "may_create")),
        *((name, _TEXT) for name in ("first_name", "last_name", "email", "company", "domain", "title", "industry")),
        *((name, _TEXT) for name in ("country", "account", "account_id", "account_owner_id", "account.owner")),
        *((name, _TEXT) for name in ("grade", "verdict", "role", "stage", "disposition", "reasons_key", "top_reason")),
        *((name, _TEXT) for name in ("score.grade", "score.reasons", "shown")),
        ("score.total", pa.float64()),
        ("stage_since", pa.timestamp("us", "UTC")),
        ("stage_entry", pa.int64()),
        *((f"crm.{name}", _TEXT) for name in MAPPINGS.fields.crm.person),
        ("crm.stage_entry", _TEXT),
    ]
)


@dataclass(slots=True)
class Facts:
    """What marketing and the model say of one person now."""

    number: int
    title: str | None = None
    total: float = 10.0
    grade: str = "C3"
    reasons: str = "web +10"
    stage: str = "nurture"
    entry: int = 1
    since: datetime = T0
    asks: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def email(self) -> str:
        """By which the CRM's record is found."""
        return f"jo{self.number}@acme{self.number}.example"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that happens: ``what`` on whom, drawn before anything runs."""

    what: str
    who: int = 0
    word: str = ""


@dataclass(slots=True)
class Town:
    """The people and their org."""

    crm: FrailCrm
    limits: Limits
    people: list[Facts] = field(default_factory=lambda: [Facts(n) for n in range(PEOPLE)])
    #: (email, field) → what was decided to fill it with if blank, one after the other
    fills: dict[tuple[str, str], list[Value]] = field(default_factory=dict)

    def settle_in(self) -> None:
        """Put users, a queue, accounts and the first leads into the org."""
        for name in ("rep1", "rep2", "rep3", "gone"):
            user = {"username": f"{name}@corp.example", "active": name != "gone", "time_zone": "UTC"}
            self.crm.add(RecordVersion(Ref(SYSTEM, "user", f"005{name}"), T0, T0, user, {}))
        self.crm.add(RecordVersion(Ref(SYSTEM, "queue", "00G1"), T0, T0, {"name": "Unassigned"}, {}))
        for person in self.people[:WITH_LEAD]:
            owner = "005gone" if person.number % 2 else "005rep2"
            fields: Any = {"email": person.email, "last_name": "Doe", "owner_id": owner}
            self.crm.add(RecordVersion(Ref(SYSTEM, "lead", f"L{person.number}"), T0, T0, fields, {}))

    # -- what happens ------------------------------------------------------------------------------

    def happen(self, deed: Deed, now: datetime) -> None:
        """Let it happen now."""
        person = self.people[deed.who]
        match deed.what:
            case "score":
                person.total = float(deed.word)
                person.grade, person.reasons = random.Random(deed.word).choice(("A2", "B2", "C3")), f"web +{deed.word}"
            case "move":
                person.entry += person.stage != deed.word
                person.stage, person.since = deed.word, now
            case "ask":
                person.asks.append((now, deed.word))
            case "title":
                person.title = deed.word
            case _:
                self._in_crm(deed)

    def _in_crm(self, deed: Deed) -> None:
        crm, lead = self.crm, f"L{deed.who}"
        place = crm.survivor(lead)
        object_ = "contact" if place.startswith("C") else "lead"
        match deed.what:
            case "own":
                crm.edit_ours(object_, place, {"Handoff_Score__c": deed.word})
            case "fill":
                crm.write_by_hand(object_, place, {"Title": deed.word})
            case "owner":
                crm.write_by_hand(object_, place, {"owner_id": deed.word})
            case "status":
                crm.write_by_hand(object_, place, {"status": deed.word})
            case "delete":
                crm.remove(object_, place)
            case "convert":
                crm.turn_into(lead, "contact", f"C{deed.who}")
            case "merge":
                crm.turn_into(lead, "lead", f"M{deed.who}")
            case "task":
                self._with_task(deed)

    def _with_task(self, deed: Deed) -> None:
        """Somebody works on one of our tasks."""
        # By its key, not its place in a list: one that is on its way here alone must not have another one picked.
        tasks = sorted((_lot(deed, str(task.fields.get("key"))), id_) for id_, task in self.crm.records("task").items())
        if tasks:
            values: Any = {"closed": {"status": "Completed"}, "words": {"subject": "My own words"}}[deed.word]
            self.crm.write_by_hand("task", tasks[0][1], values)


def _lot(deed: Deed, key: str) -> float:
    return random.Random(f"{deed.who} {deed.word} {key}").random()


class Mirror:
    """What a pull of the CRM shows."""

    def __init__(self, crm: Any, now: datetime) -> None:
        """Pull it."""
        self.latest: dict[Ref, RecordVersion] = {}
        for stream in ("leads", "contacts", "tasks"):
            for page in crm.pull(stream, None, now=now):
                self.latest.update((record.ref, record) for record in page.records)

    def of(self, person: Facts) -> tuple[RecordVersion | None, bool]:
        """Give a person's record, a contact rather than a lead, and whether one was deleted and none is left."""
        theirs = [r for r in self.latest.values() if r.fields.get("email") == person.email and r.merged_into is None]
        living = sorted((r for r in theirs if not r.deleted), key=lambda r: (r.ref.object != "contact", r.ref.id))
        return (living[0] if living else None), bool(theirs) and not living

    def tasks(self, of_record: dict[str, str]) -> list[dict[str, Any]]:
        """Give open tasks of ours by the words of deciding; ``of_record``: CRM id → person."""
        rows = []
        for ref, record in self.latest.items():
            fields = record.fields
            if ref.object != "task" or record.deleted or fields.get("status") in {"closed", "Completed"}:
                continue
            person = of_record.get(str(fields.get("who")))
            rows.append({**fields, "id": ref.id, "owner": fields.get("owner_id"), "person_id": person})
        return sorted(rows, key=lambda row: (str(row.get("due_at")), str(row["key"])))

    def task_changes(self) -> dict[str, datetime]:
        """Give when each task that was ever seen was changed last, by its id."""
        return {ref.id: record.modified_at for ref, record in self.latest.items() if ref.object == "task"}


def decide_once(town: Town, store: Store, crm: Any, *, now: datetime, run_id: str) -> None:
    """Pull the CRM, decide about everybody, and commit memory and rows together."""
    store.outbox.release(plan_id=None, held_by="budget", now=now)
    mirror = Mirror(crm, now)
    memory = {row["person_id"]: row for row in store.knowledge.persons().to_pylist()}
    marks = store.knowledge.marks()
    rows, of_record = _people(town, mirror, memory)
    people = pa.Table.from_pylist(rows, schema=_SCHEMA)
    pending = Pending(store.outbox.each_unsettled())
    on_the_way, unseen, finished = _not_yet_seen(store, rows, pending, mirror)
    ground = Ground(
        now=now,
        install="main",
        run_id=run_id,
        plan_id=f"plan-{run_id}",
        mappings=MAPPINGS,
        crm=_TRAITS,
        info={},
        people=people,
        accounts=pa.table({"account_id": pa.array([], _TEXT)}),
        tasks=mirror.tasks(of_record),
        fast_events=_asks(town),
        pending=pending,
        desk=_desk(town.crm, load_rotations(store.knowledge.rotations())),
        user_id="handoff",
        mark=marks.get("baseline"),
        on_the_way=on_the_way,
        unseen=unseen,
        finished=finished,
    )
    decided = decide(ground)
    keys = [row.write.key for row in decided.rows if row.write.kind == "create"]
    known = store.outbox.known_keys(keys) if keys else set()
    wished = [row for row in decided.rows if row.write.kind == "update" or row.write.key not in known]
    if not ground.baseline:
        names = stage_fields(own_mapping(MAPPINGS.fields, _TRAITS))
        used = store.outbox.used_by_cause(now - timedelta(hours=24))
        wished = hold_excess(wished, town.limits, used=used, living=PEOPLE, stage_fields=names)
    _note_fills(town, wished)
    store.knowledge.commit_decisions(
        Decisions(
            run_id=run_id,
            plan_id=f"plan-{run_id}",
            at=now,
            identities=IDENTITIES.empty_table(),
            persons=_persons(people, decided.shown),
            stage_moves=STAGE_MOVES.empty_table(),
            scores=SCORE_HISTORY.empty_table(),
            rows=wished,
            rotations=ground.desk.rotations(),
            marks={} if marks else {"baseline": now},
        )
    )
    withdraw(store.outbox, decided.withdrawn, now=now)


def _note_fills(town: Town, rows: list[OutboxRow]) -> None:
    emails = {f"p{person.number}": person.email for person in town.people}
    for row in rows:
        for name in row.write.if_blank:
            town.fills.setdefault((emails[row.person_id], name), []).append(row.write.fields[name])


def _people(
    town: Town, mirror: Mirror, memory: dict[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    rows, of_record = [], {}
    for person in town.people:
        id_ = f"p{person.number}"
        record, deleted = mirror.of(person)
        remembered = memory.get(id_, {})
        held: Any = record.fields if record is not None else {}
        if record is not None:
            of_record[record.ref.id] = id_
        sales = person.stage == "mql"
        words = {
            "person_id": id_,
            "subject": f"hubspot:contact:{person.number}",
            "crm_object": record and record.ref.object,
            "crm_id": record and record.ref.id,
            "record": record and f"{record.ref.object}:{record.ref.id}",
            "owner_id": held.get("owner_id"),
            "crm_deleted": deleted,
            "entered": bool(remembered) and remembered["stage_entry"] != person.entry,
            "may_create": sales or bool(person.asks),
            "first_name": "Jo",
            "last_name": "Doe",
            "email": person.email,
            "company": "Acme",
            "title": person.title,
            "account": "none",
            "grade": person.grade,
            "verdict": "sales" if sales else "nurture",
            "role": "other",
            "stage": person.stage,
            "disposition": "sales" if sales else "nurture",
            "reasons_key": person.reasons,
            "score.reasons": person.reasons,
            "top_reason": "web",
            "score.grade": person.grade,
            "score.total": person.total,
            "shown": remembered.get("shown"),
            "stage_since": person.since,
            "stage_entry": person.entry,
        }
        truths = dict.fromkeys(("in_review", "erased", "baseline"), False)
        crm = {f"crm.{name}": _text(held.get(name)) for name in (*MAPPINGS.fields.crm.person, "stage_entry")}
        rows.append({**truths, **words, **crm})
    return rows, of_record


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _asks(town: Town) -> list[dict[str, Any]]:
    events = [
        {
            "rule": "contact-us",
            "person_id": f"p{person.number}",
            "system": "hubspot",
            "kind": "form",
            "id": id_,
            "occurred_at": at,
            "landed_at": at,
            "form": "contact-us",
            "path": None,
        }
        for person in town.people
        for at, id_ in person.asks
    ]
    return sorted(events, key=lambda event: (event["occurred_at"], event["id"]))


def _not_yet_seen(
    store: Store, rows: list[dict[str, Any]], pending: Pending, mirror: Mirror
) -> tuple[set[str], set[str], dict[str, datetime]]:
    """Find, as the pipeline does, what was asked for and no pull has shown yet, and which tasks are done with."""
    memories = [(row, Shown.load(row["shown"])) for row in rows if row["shown"]]
    records = sorted({m.created for row, m in memories if m.created and row["crm_id"] is None})
    tasks = sorted({key for _, m in memories for key in m.tasks.values()})
    made = store.outbox.created_ids(tasks) if tasks else {}
    done = set(store.outbox.created_ids(records)) if records else set()
    seen = mirror.task_changes()
    unseen = {key for key, id_ in made.items() if id_ not in seen}
    owed = {key for _, m in memories if m.owed for key in m.tasks.values()} - {t["key"] for t in mirror.tasks({})}
    return done | pending.creations, unseen, {k: seen[id_] for k, id_ in made.items() if k in owed and id_ in seen}


def _desk(crm: FrailCrm, credit: dict[str, dict[str, int]]) -> Desk:
    users = {
        str(record.fields["username"]): User(id_, str(record.fields["username"]), bool(record.fields["active"]))
        for id_, record in crm.records("user").items()
    }
    return Desk(pools=MAPPINGS.routing.pools, users=users, queues={"Unassigned": "00G1"}, credit=credit)


def _persons(people: pa.Table, shown: pa.Array) -> pa.Table:
    """Give what is remembered of everybody."""
    columns = {
        name: people.column(name)
        if name in people.column_names
        else pa.nulls(people.num_rows, PERSONS.field(name).type)
        for name in PERSONS.names
    }
    columns["shown"] = pc.cast(shown, _TEXT)
    return pa.table(columns).cast(PERSONS)


def drawn_deeds(dice: random.Random, serial: Callable[[], int], *, calm: bool) -> list[Deed]:
    """Draw what happens at the beginning of an hour; ``calm``: everything of the last hour has been delivered."""
    kinds = ["score"] * 6 + ["move"] * 3 + ["ask"] * 3 + ["title"] * 2 + ["task"] * (2 if calm else 0)
    return [_drawn(dice, dice.choice(kinds), serial) for _ in range(dice.randint(4, 8))]


def drawn_hands(dice: random.Random, serial: Callable[[], int]) -> list[Deed]:
    """Draw what people do in the CRM while we deliver."""
    kinds = ["own", "own", "fill", "fill", "fill", "owner", "owner", "status", "convert", "merge", "delete"]
    return [replace(_drawn(dice, dice.choice(kinds), serial), who=dice.randrange(WITH_LEAD)) for _ in range(4)]


def _drawn(dice: random.Random, what: str, serial: Callable[[], int]) -> Deed:
    words: dict[str, tuple[str, ...]] = {
        "move": ("mql", "mql", "nurture", "recycled"),
        "title": ("CEO", "VP Sales", "Engineer"),
        "task": ("closed", "words"),
        "own": ("1", "2"),
        "owner": ("005rep1", "005rep3"),
        "status": ("Working", "Open"),
    }
    number = serial()
    if what == "score":
        return Deed(what, dice.randrange(PEOPLE), str(dice.randrange(10, 90)))
    return Deed(what, dice.randrange(PEOPLE), dice.choice(words.get(what, (f"{what}{number}",))))
