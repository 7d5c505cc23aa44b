"""Pages of Salesforce with anything wrong in them: each row is landed, or refused and counted, or there is an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fuzz_settings import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from json_mutations import as_bytes, mutated

from adapters.salesforce.connection import page_of
from adapters.salesforce.rows import RowReader, RowsBefore
from adapters.salesforce.schema import OBJECTS, ObjectShape
from adapters.salesforce.streams import AUDIT_FIELDS, STREAMS
from adapters.salesforce.vendor_errors import read_errors
from connector.errors import TransientError
from connector.lake.layout import activity_table, record_table

_TIME = "2026-11-16T09:00:00.000+0000"
_VALUES: dict[str, Any] = {
    "SystemModstamp": _TIME,
    "LastModifiedDate": _TIME,
    "CreatedDate": _TIME,
    "CompletedDateTime": _TIME,
    "StartDateTime": _TIME,
    "ActivityDateTime": _TIME,
    "ActivityDate": "2026-11-16",
    "FirstRespondedDate": "2026-11-16",
    "IsDeleted": False,
    "IsClosed": True,
    "HasResponded": True,
    "NumberOfEmployees": 7,
    "AnnualRevenue": 1.5,
    "WhoId": "00Q000000000001AAA",
    "LeadId": "00Q000000000001AAA",
    "OwnerId": "005000000000001AAA",
    "LastModifiedById": "005000000000001AAA",
}
_KINDS = {
    **dict.fromkeys([name for name, value in _VALUES.items() if value == _TIME], "datetime"),
    "NumberOfEmployees": "int",
    "AnnualRevenue": "currency",
}


def _shape(stream: str) -> tuple[ObjectShape, tuple[str, ...]]:
    spec = STREAMS[stream]
    names = tuple(dict.fromkeys(("Id", *spec.fields, *AUDIT_FIELDS)))
    fields = {name: {"name": name, "type": _KINDS.get(name, "string")} for name in names}
    return ObjectShape(spec.word, OBJECTS[spec.word], fields, createable=True, updateable=True), names


def _page(stream: str) -> dict[str, Any]:
    _, names = _shape(stream)
    rows = [
        {
            "attributes": {"type": OBJECTS[STREAMS[stream].word]},
            **{name: _VALUES.get(name, "text of somebody") for name in names},
            "Id": f"00Q00000000000{number}AAA",
            "MasterRecordId": None,
            "IsConverted": False,
        }
        for number in (1, 2, 3)
    ]
    return {"totalSize": 3, "done": True, "records": rows}


@st.composite
def _case(draw: Any) -> tuple[str, bytes]:
    stream = draw(st.sampled_from(sorted(STREAMS)))
    return stream, draw(as_bytes(draw(mutated(_page(stream)))))


def _hold(stream: str, body: bytes) -> None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return  # the session asks again, and then says so
    try:
        page = page_of(document, "salesforce")
    except TransientError:
        return
    shape, names = _shape(stream)
    good, refused = RowReader(STREAMS[stream], shape, names, system="salesforce").read_all(page["records"])
    assert len(good) + len(refused) == len(document["records"])
    before = RowsBefore()
    for _ in range(2):
        again = RowReader(STREAMS[stream], shape, names, system="salesforce", before=before)
        assert again.read_all(page["records"]) == (good, refused), "what was read before reads as it did"
    for row in refused:
        assert row.row
        assert "somebody" not in f"{row.row} {row.message}"
    # what was taken can be stored
    now = good[0].stamp if good else None
    if now is not None:
        record_table([row.record for row in good], shape="", landed_at=now)
        activity_table([row.activity for row in good if row.activity], landed_at=now)


@fuzzed(150)
@given(_case())
def test_every_row_of_a_page_is_landed_or_refused_or_the_page_is_an_error(case):
    _hold(*case)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_whole_page_is_landed_whole(stream):
    body = json.dumps(_page(stream)).encode()
    shape, names = _shape(stream)
    good, refused = RowReader(STREAMS[stream], shape, names, system="salesforce").read_all(json.loads(body)["records"])
    assert (len(good), refused) == (3, [])
    _hold(stream, body)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        "records",
        {"records": None, "done": True},
        {"records": {}, "done": True},
        {"records": []},
        {"records": [], "done": None},
        {"records": [], "done": "yes"},
        {"records": [], "done": False},
        {"records": [], "done": False, "nextRecordsUrl": None},
        {"records": [], "done": False, "nextRecordsUrl": 7},
        {"records": [], "done": False, "nextRecordsUrl": "https://elsewhere.example/"},
    ],
)
def test_what_is_no_page_never_ends_a_stream(document):
    with pytest.raises(TransientError):
        page_of(document, "salesforce")


@fuzzed(80)
@given(mutated([{"errorCode": "INVALID_FIELD", "message": "no such field of somebody", "fields": ["Email"]}]))
def test_an_error_list_of_any_form_is_read(document):
    for error in read_errors(document):
        assert isinstance(error.code, str)
        assert all(isinstance(name, str) for name in error.fields)
