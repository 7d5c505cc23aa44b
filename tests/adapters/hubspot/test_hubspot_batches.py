"""Batches of inputs against a wire that answers as it is told: what each row of any answer means."""

from __future__ import annotations

from adapters.hubspot.batches import Batches, Row
from adapters.hubspot.wire import Written
from connector.domain.writes import OutcomeKind, Write

WRITTEN, REJECTED, RETRY, UNKNOWN = OutcomeKind.WRITTEN, OutcomeKind.REJECTED, OutcomeKind.RETRY, OutcomeKind.UNKNOWN


class Picky:
    """A wire that refuses whole batches with a guilty input in them, or answers as it is told."""

    def __init__(self, guilty=(), answer=None, status=400):
        self.guilty, self.answer, self.status = set(guilty), answer, status
        self.sent, self.traces = [], []

    def write(self, path, body):
        ids = [entry["id"] for entry in body["inputs"]]
        self.sent.append(ids)
        self.traces.append([entry["objectWriteTraceId"] for entry in body["inputs"]])
        if self.guilty & set(ids):
            return Written(
                self.status, {"category": "VALIDATION_ERROR", "message": "no", "errors": [{"code": "INVALID_DATE"}]}
            )
        return Written(207, self.answer or {"results": [{"id": id_} for id_ in ids]})


def kinds(outcomes):
    return [outcome.kind for outcome in outcomes]


def rows(count):
    return [
        Row(Write(f"u-{number}", "update", "contact", str(number), {}), {"id": str(number), "properties": {}})
        for number in range(count)
    ]


def test_a_batch_refused_as_a_whole_is_halved_until_the_guilty_input_stands_alone():
    wire = Picky(guilty=("37",))
    outcomes = Batches(wire).send("x", rows(100))
    assert [key for key, outcome in outcomes.items() if outcome.kind is not WRITTEN] == ["u-37"]
    assert outcomes["u-37"].code == "INVALID_DATE"
    assert len(wire.sent) <= 15


def test_every_input_of_a_batch_has_a_trace_id_of_its_own():
    wire = Picky()
    Batches(wire).send("x", rows(250))
    assert [len(ids) for ids in wire.sent] == [100, 100, 50]
    assert all(len(set(traces)) == len(traces) for traces in wire.traces)


def test_halving_ends_and_leaves_the_rest_for_later():
    wire = Picky(guilty=map(str, range(100)))
    outcomes = Batches(wire).send("x", rows(100))
    assert {outcome.kind for outcome in outcomes.values()} <= {REJECTED, RETRY}
    assert len(wire.sent) <= 60


def test_an_answer_of_many_statuses_is_read_by_trace_by_id_and_by_what_is_left():
    traced = {"category": "OBJECT_NOT_FOUND", "context": {"objectWriteTraceId": ["0"]}}
    named = {"category": "VALIDATION_ERROR", "context": {"ids": ["1"]}, "errors": [{"code": "READ_ONLY_VALUE"}]}
    results = [{"id": "2"}, {"id": "99", "objectWriteTraceId": "3"}]
    answer = {"status": "COMPLETE", "results": results, "numErrors": 2, "errors": [traced, named]}
    told = list(Batches(Picky(answer=answer)).send("x", rows(5)).values())
    assert kinds(told) == [REJECTED, REJECTED, WRITTEN, WRITTEN, UNKNOWN]
    assert [outcome.code for outcome in told] == ["OBJECT_NOT_FOUND", "READ_ONLY_VALUE", "", "", "odd_answer"]
    answer["errors"].append({"category": "WHAT_NOBODY_KNOWS"})
    last = list(Batches(Picky(answer=answer)).send("x", rows(5)).values())[-1]
    assert (last.kind, last.code, last.fixer) == (REJECTED, "WHAT_NOBODY_KNOWS", "ops")
