from __future__ import annotations

import pytest

from adapters.hubspot.classify import (
    ADMIN,
    LATER,
    OPS,
    REMAP,
    TABLE,
    UNCLEAR,
    VendorError,
    classify_request,
    classify_row,
    read_error,
)
from connector.domain.writes import OutcomeKind


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("RATE_LIMITS", LATER),
        ("PROPERTY_DOESNT_EXIST", ADMIN),
        ("MISSING_CONDITIONAL_REQUIRED_PROPERTY", ADMIN),
        ("OBJECT_NOT_FOUND", REMAP),
        ("CONFLICTING_UNIQUE_VALUE", REMAP),
        ("INVALID_OPTION", OPS),
    ],
)
def test_a_code_means_what_the_table_says(code, verdict):
    assert classify_row(VendorError("VALIDATION_ERROR", (code,))) == verdict
    assert classify_row(VendorError(code)) == verdict


def test_what_is_unknown_is_not_retried():
    assert classify_row(VendorError("")) == classify_row(VendorError("NEVER_SEEN", ("NOR_THIS",))) == OPS
    assert classify_request(418, VendorError("")) == OPS


def test_only_what_may_pass_is_retried():
    retried = {code for code, verdict in TABLE.items() if verdict.kind is OutcomeKind.RETRY}
    assert retried == {"RATE_LIMITS", "RATE_LIMIT", "LOCKED", "EXPIRED_AUTHENTICATION"}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_may_have_committed_before(status):
    assert classify_request(status, VendorError("OBJECT_NOT_FOUND")) == UNCLEAR


def test_of_several_codes_the_one_that_somebody_must_mend_counts():
    assert classify_row(VendorError("VALIDATION_ERROR", ("INVALID_OPTION", "PROPERTY_DOESNT_EXIST"))) == ADMIN


@pytest.mark.parametrize("body", [None, [], "x", {}, {"category": 3, "errors": "x", "message": []}])
def test_any_body_is_an_error_of_some_kind(body):
    assert read_error(body) == VendorError("")
