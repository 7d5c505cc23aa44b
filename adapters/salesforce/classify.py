"""One table from the vendor's code to what becomes of a write."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from adapters.salesforce.vendor_errors import ApiError, VendorError
from connector.domain.writes import OutcomeKind

Fixer = Literal["crm_admin", "ops", "nobody", ""]


class Verdict(NamedTuple):
    """What a code means for one write, and who must act."""

    kind: OutcomeKind
    fixer: Fixer


LATER = Verdict(OutcomeKind.RETRY, "nobody")
QUOTA = Verdict(OutcomeKind.RETRY, "ops")
ADMIN = Verdict(OutcomeKind.REJECTED, "crm_admin")
OPS = Verdict(OutcomeKind.REJECTED, "ops")
#: the record is gone, converted or doubled: the engine aims anew, nobody has to act
REMAP = Verdict(OutcomeKind.REJECTED, "nobody")
UNCLEAR = Verdict(OutcomeKind.UNKNOWN, "nobody")

#: Codes by verdict (salesforce.md section 13). A code that stands nowhere is the payload's fault: ops look at it.
_GROUPS: tuple[tuple[Verdict, str], ...] = (
    (
        LATER,
        """
        UNABLE_TO_LOCK_ROW QUERY_TIMEOUT SERVER_UNAVAILABLE UNKNOWN_EXCEPTION RECORD_IN_USE_BY_WORKFLOW
        ALREADY_IN_PROCESS
        INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE TERRITORY_REALIGN_IN_PROGRESS TOO_MANY_APEX_REQUESTS
        REQUEST_RUNNING_TOO_LONG PLATFORM_EVENT_PUBLISHING_UNAVAILABLE PLATFORM_EVENT_PUBLISH_FAILED
        TXN_SECURITY_METERING_ERROR INVALID_SESSION_ID
        ALL_OR_NONE_OPERATION_ROLLED_BACK PROCESSING_HALTED BATCH_PROCESSING_HALTED
        """,
    ),
    (QUOTA, "REQUEST_LIMIT_EXCEEDED STORAGE_LIMIT_EXCEEDED LIMIT_EXCEEDED"),
    (
        ADMIN,
        """
        API_CURRENTLY_DISABLED API_DISABLED_FOR_ORG APEX_REST_SERVICES_DISABLED FORBIDDEN INSUFFICIENT_ACCESS
        INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY INSUFFICIENT_ACCESS_OR_READONLY INVALIDENTITY INVALID_FIELD
        INVALID_FIELD_FOR_INSERT_UPDATE INVALID_OPERATION_WITH_EXPIRED_PASSWORD INVALID_READ_ONLY_USER_DML INVALID_TYPE
        IP_RANGE_LIMIT_EXCEEDED LICENSE_LIMIT_EXCEEDED LOGIN_MUST_USE_SECURITY_TOKEN PACKAGE_LICENSE_REQUIRED
        TRANSFER_REQUIRES_READ APEX_ERROR CANNOT_EXECUTE_FLOW_TRIGGER CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY
        FIELD_CUSTOM_VALIDATION_EXCEPTION FIELD_FILTER_VALIDATION_EXCEPTION UNAVAILABLE_RECORDTYPE_EXCEPTION
        REQUIRED_FIELD_MISSING ENTITY_IS_LOCKED UNSUPPORTED_APEX_TRIGGER_OPERATION SELF_REFERENCE_FROM_TRIGGER
        INVALID_ASSIGNMENT_RULE CUSTOM_ENTITY_OR_FIELD_LIMIT CUSTOM_FIELD_INDEX_LIMIT_EXCEEDED
        """,
    ),
    (
        REMAP,
        """
        CANNOT_UPDATE_CONVERTED_LEAD ENTITY_IS_DELETED ENTITY_IS_ARCHIVED INVALID_CROSS_REFERENCE_KEY NOT_FOUND
        DUPLICATE_VALUE ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE
        """,
    ),
    (UNCLEAR, "OPERATION_ENQUEUED"),
)
TABLE: dict[str, Verdict] = {code: verdict for verdict, codes in _GROUPS for code in codes.split()}

#: An admin's trigger or flow wraps the platform's own error; inside it may be one that passes (section 13).
_WRAPPERS = frozenset({"APEX_ERROR", "CANNOT_EXECUTE_FLOW_TRIGGER", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"})
_PASSING = re.compile(r"UNABLE_TO_LOCK_ROW|unable to obtain exclusive access|limit exceeded|Too many ", re.IGNORECASE)

#: Codes with which a whole request was certainly refused before any row, whatever the HTTP status.
_CERTAIN = frozenset({"SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW"})


def classify_row(error: VendorError) -> Verdict:
    """Say what an error inside a well-formed answer means for its row; the row was certainly not written."""
    if error.code in _WRAPPERS and _PASSING.search(error.message):
        return LATER
    return TABLE.get(error.code, OPS)


def classify_request(error: ApiError) -> Verdict:
    """Say what a refused request means for the rows in it.

    A 5xx without a code that promises a refusal is unclear: the vendor may have committed before it failed
    (section 14).
    """
    if any(known.code in _CERTAIN for known in error.errors):
        return LATER
    if error.status >= 500 or not error.errors:
        return UNCLEAR
    return classify_row(error.errors[0])


def quota_is_daily(message: str) -> bool:
    """Tell the daily quota (``TotalRequests Limit exceeded.``) from the limit of requests at one time."""
    return "Concurrent" not in message
