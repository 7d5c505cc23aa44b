"""Updates as one Bulk job: each row settled once, whatever is lost, and never a second job beside a first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.salesforce import SalesforceCrm
from adapters.salesforce.bulk import table_of
from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.domain.writes import Cause, Write
from connector.errors import ConfigError
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow
from state import open_store

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCORE = "Handoff_Score__c"
OURS = frozenset({SCORE, "Handoff_Stage__c"})


_LEAD = {"do": "create", "object": "Lead", "values": {"LastName": "L", "Company": "C"}}


class _Killed(BaseException):
    """The end of a process: nothing of ours catches it."""


class _Desk:
    """An outbox full of scores in front of an org; a process may die at any call and another take over."""

    def __init__(self, org: Any, folder: Path, leads: int = 6, *, state: str = "") -> None:
        self.org = org
        self.crm: SalesforceCrm = org.provisioned()
        made = [
            {"do": "create", "object": "Lead", "values": {"LastName": f"L{n}", "Company": "C"}} for n in range(leads)
        ]
        self.leads = [str(one["id"]) for one in org.act(*made)]
        self.store = open_store(state or f"sqlite:///{folder}/state.db")
        self._few(self.crm)
        self.plans = 0
        #: how far the clock is ahead of ours
        self.ahead = timedelta()

    @staticmethod
    def _few(crm: SalesforceCrm) -> None:
        crm._bulk_from = 4

    def another(self) -> None:
        """Let another process take over."""
        self.crm = self.org.crm()
        self._few(self.crm)

    def wish(self, **fields: Any) -> None:
        self.plans += 1
        rows = [
            OutboxRow(
                id=0,
                write=Write("", "update", "lead", id_, fields, {}, OURS),
                lane=f"salesforce:lead:{id_}",
                group="score",
                cause=Cause.SCORE,
                rule="score",
                person_id="",
                reason="",
                run_id=f"r{self.plans}",
                plan_id=f"p{self.plans}",
                priority=2,
                decided_at=AT,
            )
            for id_ in self.leads
        ]
        self.store.knowledge.commit_decisions(_decisions(rows, f"r{self.plans}", f"p{self.plans}"))

    def drain(self, *, tries: int = 6) -> Any:
        self.store.outbox.expire(now=datetime.now(UTC) + timedelta(days=1))
        seconds = [0.0]

        def sleep(_seconds: float) -> None:
            seconds[0] += 61 / tries
            self.org.advance(minutes=1)

        drain = Drain(
            self.store,
            self.crm,
            owner="me",
            budget=Budget("salesforce", self.store.ledger, None, 0.5),
            sleep=sleep,
            timer=lambda: seconds[0],
        )
        return drain.run(now=datetime.now(UTC) + self.ahead)

    def wait(self, minutes: int) -> None:
        """Let time go by, for the org and for us."""
        self.org.advance(minutes=minutes)
        self.ahead += timedelta(minutes=minutes)

    def held(self, name: str = SCORE) -> list[Any]:
        return [self.org.row("Lead", id_).get(name) for id_ in self.leads]

    def states(self) -> dict[str, int]:
        return {state: count for state, count in self.store.outbox.counts().items() if count}

    def jobs(self) -> Counter[str]:
        found = self.crm._connection.call("GET", "jobs/ingest")["records"]
        return Counter(job["state"] for job in found)


def _decisions(rows: list[OutboxRow], run: str, plan: str) -> Decisions:
    tables = {"identities": IDENTITIES, "persons": PERSONS, "stage_moves": STAGE_MOVES, "scores": SCORE_HISTORY}
    empty: dict[str, Any] = {name: schema.empty_table() for name, schema in tables.items()}
    return Decisions(run_id=run, plan_id=plan, at=AT, rows=rows, **empty)


@pytest.fixture
def desk(org: Any, tmp_path: Path) -> Iterator[_Desk]:
    made = _Desk(org, tmp_path)
    yield made
    made.store.close()


def test_a_large_plan_is_one_job(desk: _Desk) -> None:
    desk.wish(**{SCORE: 40, "Handoff_Stage__c": None})
    before = desk.crm.calls()
    assert desk.drain().written == len(desk.leads)
    assert desk.held() == [40] * len(desk.leads)
    assert desk.states() == {"done": len(desk.leads)}
    assert desk.jobs() == {"JobComplete": 1}
    assert desk.crm.calls() - before <= 10


def test_columns_empties_and_quotes() -> None:
    one = Write("a", "update", "lead", "00Q1", {"A": None, "B": 'say "no",\nor'}, {}, OURS)
    two = Write("b", "update", "lead", "00Q2", {"C": True, "A": 1.5}, {}, OURS)
    assert table_of([one, two]) == 'Id,A,B,C\n00Q1,#N/A,"say ""no"",\nor",\n00Q2,1.5,,true\n'


def test_a_refused_row_is_a_dead_letter_with_the_vendors_code_and_the_rest_is_done(desk: _Desk) -> None:
    desk.org.act({"do": "delete", "object": "Lead", "id": desk.leads[0]})
    desk.wish(**{SCORE: 40})
    drained = desk.drain()
    assert (drained.written, drained.dead) == (len(desk.leads) - 1, 1)
    [dead] = desk.store.outbox.unsettled()
    assert (dead.code, dead.fixer) == ("ENTITY_IS_DELETED", "nobody")


@pytest.mark.parametrize("what", ["drop_after_commit", "reset", "html_502", "duplicate"])
@pytest.mark.parametrize(
    "step",
    [
        *("POST .*/jobs/ingest$", "PUT .*/batches$", "PATCH .*/jobs/ingest/", "GET .*/jobs/ingest/[^/]+$"),
        *("GET .*/successfulResults$",),
    ],
)
def test_whatever_is_lost_at_a_step_no_row_is_lost_or_sent_beside_itself(desk: _Desk, step: str, what: str) -> None:
    desk.org.faults({"match": step, "what": what, "count": 1})
    desk.wish(**{SCORE: 40})
    desk.drain()
    desk.drain()
    assert desk.states() == {"done": len(desk.leads)}
    assert desk.held() == [40] * len(desk.leads)
    assert desk.jobs()["JobComplete"] == 1, "no row was in two jobs that the org worked on"


def test_a_job_that_fails_as_a_whole_is_no_dead_end(desk: _Desk) -> None:
    desk.org.faults(
        {"match": "PUT .*/batches$", "what": "field_deleted", "object": "Lead", "field": "Handoff_Stage__c", "count": 1}
    )
    desk.wish(**{SCORE: 40, "Handoff_Stage__c": "mql"})
    drained = desk.drain()
    assert desk.jobs() == {"Failed": 1}
    assert desk.states() == {"dead": len(desk.leads)}, "by rows, each with the vendor's words"
    assert drained.dead == len(desk.leads)
    dead = desk.store.outbox.unsettled()
    assert {(row.code, row.fixer) for row in dead} == {("INVALID_FIELD", "crm_admin")}


def test_of_two_senders_one_sees_to_the_job_and_the_other_sends_the_rest(
    org: Any, tmp_path: Path, state_url: str
) -> None:
    desk = _Desk(org, tmp_path, state=state_url)
    desk.org.faults({"match": "GET .*/jobs/ingest/", "what": "503"})
    desk.wish(**{SCORE: 40})
    desk.drain()
    assert desk.states() == {"unknown": len(desk.leads)}, "the first sender waits for its job"
    desk.org.faults()
    desk.store.switches.acquire("bulk_job", "the first", timedelta(hours=1))
    desk.another()
    [other, *more] = [str(desk.org.act(_LEAD)[0]["id"]) for _ in desk.leads]
    jobs, desk.leads = desk.leads, [other, *more]
    desk.wish(**{SCORE: 50})
    assert desk.drain().written == len(desk.leads), "in batches, for jobs are the first one's"
    assert desk.states() == {"done": len(desk.leads), "unknown": len(jobs)}
    desk.store.switches.release("bulk_job", "the first")
    assert desk.drain().written == len(jobs)
    assert desk.jobs() == {"JobComplete": 1}
    desk.store.close()


@pytest.mark.parametrize("call", range(1, 9))
def test_killed_at_each_call_and_taken_over(desk: _Desk, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    desk.wish(**{SCORE: 40})
    desk.crm.user_id()
    send, left = desk.crm._connection.session.send, [call]

    def die(request: Any, **words: Any) -> Any:
        left[0] -= 1
        answer = send(request, **words)
        if left[0] == 0:
            raise _Killed
        return answer

    monkeypatch.setattr(desk.crm._connection.session, "send", die)
    try:
        desk.drain()
    except _Killed:
        desk.another()
    left[0] = 0
    desk.wish(**{SCORE: 50})
    for _ in range(3):
        desk.drain()
        desk.wait(minutes=15)
    assert desk.held() == [50] * len(desk.leads)
    assert set(desk.states()) <= {"done", "superseded"}


def test_the_option_says_from_when(org: Any) -> None:
    assert org.crm(bulk_from=0).bulk_from() == 0
    assert org.crm().bulk_from() >= 2000
    with pytest.raises(ConfigError):
        org.crm(bulk_from=-1)
