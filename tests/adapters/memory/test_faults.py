"""What the memory adapters break off, and when."""

from datetime import UTC, datetime

import pytest

from adapters.memory import MemoryCrm, MemorySource
from connector.domain.records import Activity, RecordVersion
from connector.domain.refs import Ref
from connector.domain.writes import OutcomeKind, Write
from connector.errors import AccessError, ConfigError, RateLimited, TransientError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LEAD = RecordVersion(Ref("memory", "lead", "1"), NOW, NOW, {"company": "Acme"}, {})
CREATE = Write("k", "create", "task", None, {"subject": "Call"})
UPDATE = Write("u", "update", "lead", "1", {"company": "New"}, ours=frozenset({"company"}))


@pytest.fixture
def crm():
    return MemoryCrm({"records": [LEAD]})


def kinds(outcomes):
    return [outcome.kind for outcome in outcomes]


def test_a_lost_request_leaves_nothing_behind(crm):
    crm.faults.lost_requests = 1
    assert kinds(crm.apply([CREATE], now=NOW)) == [OutcomeKind.UNKNOWN]
    assert crm.find_applied([CREATE]) == {"k": None}
    assert kinds(crm.apply([CREATE], now=NOW)) == [OutcomeKind.WRITTEN]
    assert crm.creations == {"k": 1}


def test_a_late_write_comes_true_and_a_repeat_does_not_double_it(crm):
    crm.faults.late = 1
    assert kinds(crm.apply([CREATE, UPDATE], now=NOW)) == [OutcomeKind.UNKNOWN] * 2
    assert crm.find_applied([CREATE]) == {"k": None}
    assert kinds(crm.apply([CREATE], now=NOW)) == [OutcomeKind.WRITTEN]
    crm.settle()
    assert crm.creations == {"k": 1}
    assert crm.read_fields("lead", ["1"], ["company"]) == {"1": {"company": "New"}}
    assert crm.written["lead", "1", "company"] == ["New"]


def test_a_planned_refusal_hits_its_record_only(crm):
    crm.faults.rejected["k"] = "DUPLICATES_DETECTED"
    refused, written = crm.apply([CREATE, UPDATE], now=NOW)
    assert (refused.kind, refused.code) == (OutcomeKind.REJECTED, "DUPLICATES_DETECTED")
    assert written.kind is OutcomeKind.WRITTEN


@pytest.mark.parametrize(
    ("plan", "error"), [("rate_limit", RateLimited), ("unreachable", TransientError), ("no_access", AccessError)]
)
def test_planned_errors_come_before_anything_is_done_and_are_used_up(crm, plan, error):
    getattr(crm.faults, plan)()
    with pytest.raises(error):
        crm.apply([CREATE], now=NOW)
    assert crm.find_applied([CREATE]) == {"k": None}


def test_a_pull_fails_at_the_page_that_is_struck_and_goes_on_from_its_cursor():
    people = [RecordVersion(Ref("memory", "contact", str(n)), NOW, NOW, {}, {}) for n in range(5)]
    source = MemorySource({"records": people, "page": 2})
    pages = source.pull("contacts", None, now=NOW)
    first = next(pages)
    source.faults.unreachable()
    with pytest.raises(TransientError):
        next(pages)
    rest = [record.ref.id for page in source.pull("contacts", first.cursor, now=NOW) for record in page.records]
    assert rest == ["2", "3", "4"]


def test_people_edit_delete_and_do_things(crm):
    crm.edit("lead", "1", {"company": "By hand"}, user="rep", at=NOW)
    crm.did(Activity(Ref("memory", "task", "9"), "call", LEAD.ref, NOW, by_user="rep"))
    crm.delete("lead", "1", at=NOW)
    (page,) = crm.pull("leads", None, now=NOW)
    assert [(r.fields["company"], r.deleted) for r in page.records] == [
        ("Acme", False),
        ("By hand", False),
        ("By hand", True),
    ]
    (tasks,) = crm.pull("tasks", None, now=NOW)
    assert [activity.type for activity in tasks.activities] == ["call"]
    assert crm.records("lead") == {}


def test_a_batch_above_the_size_is_our_own_mistake():
    with pytest.raises(ConfigError):
        MemoryCrm({"batch_size": 1}).apply([CREATE, UPDATE], now=NOW)


@pytest.mark.parametrize("kind", [MemorySource, MemoryCrm])
def test_unknown_options_are_refused(kind):
    with pytest.raises(ConfigError, match="pages"):
        kind({"pages": 3})


def test_two_fields_never_differ_by_case_alone():
    held = RecordVersion(Ref("memory", "lead", "1"), NOW, NOW, {"Title": "CEO", "title": "CFO"}, {})
    with pytest.raises(ConfigError) as caught:
        MemoryCrm().add(held)
    assert caught.value.code == "memory.field"
