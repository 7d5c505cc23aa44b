from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.salesforce.classify import TABLE, classify_request, classify_row, quota_is_daily
from adapters.salesforce.vendor_errors import ApiError, VendorError, read_errors
from connector.domain.writes import OutcomeKind

EXPECTED = {
    "transient": {OutcomeKind.RETRY},
    "quota": {OutcomeKind.RETRY},
    "reauthenticate": {OutcomeKind.RETRY},
    "inherit": {OutcomeKind.RETRY},
    "config": {OutcomeKind.REJECTED},
    "permanent": {OutcomeKind.REJECTED},
    "permanent_unless_message_says_lock": {OutcomeKind.REJECTED},
    "remap": {OutcomeKind.REJECTED},
    "success": {OutcomeKind.UNKNOWN},
}


def test_every_code_of_the_catalogue_is_classified_as_its_class_says():
    shared = os.environ.get("HANDOFF_SHARED")
    if not shared:
        pytest.skip("HANDOFF_SHARED is not set: the catalogue of codes is not here")
    codes = json.loads((Path(shared) / "specs/salesforce/error-classes.json").read_text())["codes"]
    wrong = {
        code: (kind, verdict)
        for code, kind in codes.items()
        if (verdict := classify_row(VendorError(code, "words"))).kind not in EXPECTED[kind]
    }
    assert wrong == {}
    assert set(TABLE) <= set(codes) | {"INVALID_FIELD_FOR_INSERT_UPDATE", "FORBIDDEN"}


@given(st.text(max_size=60), st.text(max_size=200))
def test_any_code_and_message_get_a_verdict_with_somebody_to_act(code, message):
    verdict = classify_row(VendorError(code, message))
    assert verdict.kind in set(OutcomeKind)
    assert verdict.fixer in {"crm_admin", "ops", "nobody"}


@given(st.integers(300, 599), st.lists(st.sampled_from(sorted(TABLE)) | st.text(max_size=20), max_size=3))
def test_a_5xx_never_counts_as_refused(status, codes):
    verdict = classify_request(ApiError(status, [VendorError(code, "") for code in codes]))
    if status >= 500 or not codes:
        assert verdict.kind in {OutcomeKind.UNKNOWN, OutcomeKind.RETRY}
    if verdict.kind is OutcomeKind.REJECTED:
        assert status < 500


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", OutcomeKind.RETRY),
        ("APEX_ERROR", "T: execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW, unable …", OutcomeKind.RETRY),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "T: System.LimitException: Too many SOQL queries: 101",
            OutcomeKind.RETRY,
        ),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "T: execution of BeforeInsert caused by: NullPointer",
            OutcomeKind.REJECTED,
        ),
        ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", OutcomeKind.REJECTED),
        ("NEVER_HEARD_OF", "", OutcomeKind.REJECTED),
    ],
)
def test_rows_of_the_table(code, message, kind):
    assert classify_row(VendorError(code, message)).kind is kind


def test_which_limit_is_spent():
    assert quota_is_daily("TotalRequests Limit exceeded.")
    assert not quota_is_daily("ConcurrentRequests (Concurrent API Requests) Limit exceeded.")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["errorCode", "statusCode", "error", "message", "fields", "x"]), inner)
        ),
        max_leaves=8,
    )
)
def test_any_error_body_can_be_read(body):
    assert all(isinstance(error.code, str) and isinstance(error.fields, tuple) for error in read_errors(body))


def test_the_three_spellings_of_an_error():
    assert read_errors([{"errorCode": "A", "message": "m", "fields": ["F"]}]) == [VendorError("A", "m", ("F",))]
    assert read_errors({"error": "invalid_grant", "error_description": "d"}) == [VendorError("invalid_grant", "d")]
    assert read_errors([{"statusCode": "B", "message": "m", "fields": []}]) == [VendorError("B", "m")]
