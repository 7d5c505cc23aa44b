"""Undo is itself a run: it puts back what the CRM still shows of a run, and holds it back until there is news."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connector.delivery.limits import Limits, hold_excess
from connector.delivery.records import own_mapping, stage_fields
from connector.domain.outbox_states import OWN_GROUPS, UNDONE
from connector.domain.records import Value
from connector.domain.writes import Cause, RowState, Write
from connector.errors import ConfigError, LocalFault, Refused
from connector.pipeline.cycle import Cycle
from connector.pipeline.decisions.deciding import DAY
from connector.pipeline.decisions.plans import dump_plan
from connector.pipeline.reports.report import Report
from connector.pipeline.undo.undo_memory import Taken, Undone, undone_memory
from connector.pipeline.undo.undo_weighing import UNDO, Chosen, Weighed, weigh
from connector.ports.store import IDENTITIES, SCORE_HISTORY, Decisions, Journalled, OutboxRow, Store

#: the rule of what is held back of a record that the undone run made
CREATED = "created"
#: when a run began, as its id tells
_BEGAN = re.compile(r"(\d{8}T\d{6})-[0-9a-f]{8}")


class Undoing(Cycle):
    """Undoes a run, or a part of it. Make a new one for each undo; the engine's turn must be ours."""

    def look(self, run_id: str, chosen: Chosen) -> dict[str, Any]:
        """Say what would go back and what would stay, and why; changes nothing.

        Raises:
            ConfigError: no such run is known.
            Refused: the run is too old to be known.
            AccessError, TransientError: the CRM could not be asked.
        """
        check_known(self._engine.store, run_id)
        engine = self._engine
        return weigh(engine.store, engine.crm, run_id, chosen).document(run_id, dry_run=True)

    def undo(self, run_id: str, chosen: Chosen, *, who: str) -> Report:
        """Put back what a run wrote, and send what that takes.

        It may be repeated, and goes on where it was killed: what is back already stays so.

        Raises:
            ConfigError: no such run is known.
            Refused: writes are paused, or the run is too old to be known.
            AccessError, TransientError: the CRM could not be asked; nothing was changed.
        """
        engine = self._engine
        store = engine.store
        if engine.mode != "live" or store.switches.paused() is not None:
            cure = "set mode: live, or `handoff resume`; `handoff undo RUN --dry-run` looks without writing"
            raise Refused("undo.paused", "writes are paused", cure=cure)
        is_undo = check_known(store, run_id)
        with self._recorded("undo"):
            self._before = self._unsettled()
            with self._timed("score"):
                with self._checking():
                    weighed = weigh(store, engine.crm, run_id, chosen)
                decisions = self._decisions(run_id, weighed, is_undo=is_undo)
                self.report.undo = weighed.document(run_id, dry_run=False)
                if not engine.still_ours():
                    raise LocalFault("engine.lost", "another run took over while this one slept", cure="repeat it")
                self._commit(weighed, decisions)
            store.switches.audit(who, "undo", self._now, {"run": run_id, "by": self.report.run_id})
            if is_undo:
                self._let_go(run_id, weighed, chosen, who)
            self._write()
        return self.report

    def _commit(self, weighed: Weighed, decisions: Decisions) -> None:
        """Store memory and rows together, the plan beside them; where nothing is to be done nothing is stored."""
        store = self._engine.store
        store.outbox.hold([row.id for row in weighed.waiting], held_by=UNDONE)
        if not decisions.rows and not decisions.persons.num_rows and not decisions.accounts:
            return
        body = dump_plan(
            decisions, mappings=self._engine.mappings.digest, rotations=store.knowledge.rotations(), done=True
        )
        store.runs.save_plan(self.report.plan_id, made_at=self._now, body=body)
        store.knowledge.commit_decisions(decisions)

    def _decisions(self, run_id: str, weighed: Weighed, *, is_undo: bool) -> Decisions:
        engine, report = self._engine, self.report
        store, traits, mappings = engine.store, engine.crm.traits(), engine.mappings
        words = Undone(
            run_id, report.run_id, self._now, mappings.digest, traits.system, "let_go" if is_undo else "hold"
        )
        stage = self._stage_names()
        memory = undone_memory(store, _taken(weighed, stage), words)
        rows = [self._back(one, run_id, stage) for one in weighed.back]
        rows += [self._closing(one, status, run_id) for one, status in weighed.closing]
        used = store.outbox.used_by_cause(self._now - DAY)
        limits: Limits = engine.limits
        rows = hold_excess(rows, limits, used=used, living=store.knowledge.remembered())
        rows += [] if is_undo else self._held_rows(weighed)
        return Decisions(
            run_id=report.run_id,
            plan_id=report.plan_id,
            at=self._now,
            identities=IDENTITIES.empty_table(),
            persons=memory.persons,
            stage_moves=memory.moves,
            scores=SCORE_HISTORY.empty_table(),
            accounts=memory.accounts,
            rows=rows,
        )

    def _stage_names(self) -> frozenset[str]:
        """Name the fields that show the stage itself; the number of its entry where none does."""
        mapped = own_mapping(self._engine.mappings.fields, self._engine.crm.traits())
        named = frozenset(name for name, field in mapped.items() if field.source == "stage")
        return named or stage_fields(mapped)

    def _back(self, one: Journalled, run_id: str, stage: frozenset[str]) -> OutboxRow:
        """Build the row that puts values back where the CRM still shows what the run wrote, and a person did not."""
        written = {change.field: change.written for change in one.changes}
        shown = bool(stage.intersection(written)) and one.object != "account"
        write = Write(
            key="",
            kind="update",
            object=one.object,
            id=one.record,
            fields={change.field: change.before for change in one.changes},
            expected=written,
        )
        cause = Cause.STAGE_MOVE if shown and one.cause is Cause.SCORE else one.cause
        group = UNDO + one.group.removeprefix(UNDO)
        return self._row(write, one, group=group, cause=cause, rule="undo", reason=f"undo of {run_id}")

    def _closing(self, one: Journalled, status: Value, run_id: str) -> OutboxRow:
        """Build the closing of a task that the run made."""
        traits = self._engine.crm.traits()
        name = traits.native["task"]["status"]
        closed = traits.native_values.get("task.status", {}).get("closed", "closed")
        write = Write("", "update", "task", one.record, {name: closed}, expected={name: status})
        lane = f"{traits.system}:task:{one.record}"
        here = replace(one, lane=lane)
        return self._row(write, here, group=UNDO + "task", cause=Cause.EDIT, rule="undo", reason=f"undo of {run_id}")

    def _held_rows(self, weighed: Weighed) -> list[OutboxRow]:
        """Build what is held until there is news: what goes back, and of records that the run made what they show."""
        rows = [self._held(one) for one in weighed.back]
        taken = {row.lane for row in (*rows, *self._engine.store.outbox.each_unsettled()) if _is_held(row)}
        system = self._engine.crm.traits().system
        for one in weighed.created:
            lane = f"{system}:{one.object}:{one.record}"
            if one.changes and lane not in taken:
                own = replace(one, lane=lane, group="score", cause=Cause.SCORE, rule=CREATED)
                held = self._held(own)
                # Nothing of it goes back: what it shows when somebody lets it go is read then.
                rows.append(replace(held, write=replace(held.write, expected={})))
        return rows

    def _held(self, one: Journalled) -> OutboxRow:
        """Build the row that would write it again, held until there is news or somebody lets it go."""
        fields = {change.field: change.written for change in one.changes}
        write = Write(
            key="",
            kind="update",
            object=one.object,
            id=one.record,
            fields=fields,
            expected={change.field: change.before for change in one.changes},
            ours=one.ours.intersection(fields),
            if_blank=one.if_blank.intersection(fields),
        )
        reason = f"undone by {self.report.run_id}"
        row = self._row(write, one, group=one.group, cause=one.cause, rule=one.rule, reason=reason)
        return replace(row, state=RowState.HELD, held_by=UNDONE)

    def _row(self, write: Write, one: Journalled, *, group: str, cause: Cause, rule: str, reason: str) -> OutboxRow:
        return OutboxRow(
            id=0,
            write=write,
            lane=one.lane,
            group=group,
            cause=cause,
            rule=rule,
            person_id=one.person_id,
            reason=reason,
            run_id=self.report.run_id,
            plan_id=self.report.plan_id,
            priority=1,
            decided_at=self._now,
        )

    def _let_go(self, run_id: str, weighed: Weighed, chosen: Chosen, who: str) -> None:
        """Drop what the undone undo held back: it stands there again."""
        outbox = self._engine.store.outbox
        back = {(one.lane, one.group.removeprefix(UNDO)) for one in weighed.back}
        held = [
            row.id
            for row in outbox.each_unsettled()
            if row.held_by == UNDONE
            and row.run_id == run_id
            # Of what the run had made nothing went back: it stands there as it did.
            and ((row.lane, row.group) in back or (row.rule == CREATED and chosen.takes_whole(row)))
        ]
        if held:
            outbox.dismiss(held, who=who, now=self._now)


def _is_held(row: OutboxRow) -> bool:
    """Say whether a row holds back fields of ours."""
    return row.held_by == UNDONE and row.group in OWN_GROUPS


def check_known(store: Store, run_id: str) -> bool:
    """Say whether a run is an undo.

    Raises:
        ConfigError: no such run is known.
        Refused: it is older than what is known of runs.
    """
    run = store.runs.find(run_id)
    if run is not None:
        return run.kind == "undo"
    journal = store.journal.of(run_id)
    if journal:
        return any(one.group.startswith(UNDO) for one in journal)
    oldest, told = store.runs.oldest(), _BEGAN.fullmatch(run_id)
    if told and oldest is not None and datetime.strptime(told[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) < oldest:
        raise Refused(
            "undo.too_old",
            f"of runs before {oldest:%Y-%m-%d %H:%M} UTC nothing is known any more",
            cure="`handoff explain WHO` shows what a record was made to show; change it in the CRM",
        )
    raise ConfigError("undo.unknown_run", f"there is no run {run_id}", cure="`handoff status` lists the last runs")


def _taken(weighed: Weighed, stage: frozenset[str]) -> Iterator[Taken]:
    """Give the records whose own fields go back, or are not sent."""
    for one in weighed.back:
        if one.group.removeprefix(UNDO) in OWN_GROUPS:
            shows = any(change.field in stage for change in one.changes)
            yield Taken(one.object, one.record, one.person_id, shows)
    for one in weighed.created:
        yield Taken(one.object, one.record, one.person_id, created=True)
    for row in weighed.waiting:
        if row.group in OWN_GROUPS and row.write.kind == "update":
            yield Taken(row.write.object, row.write.id or "", row.person_id, bool(stage.intersection(row.write.fields)))
