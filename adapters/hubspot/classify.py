"""One table from the vendor's code to what becomes of a write (hubspot.md section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from connector.domain.writes import OutcomeKind

Fixer = Literal["crm_admin", "ops", "nobody", ""]


class Verdict(NamedTuple):
    """What a code means for one write, and who must act."""

    kind: OutcomeKind
    fixer: Fixer


LATER = Verdict(OutcomeKind.RETRY, "nobody")
ADMIN = Verdict(OutcomeKind.REJECTED, "crm_admin")
OPS = Verdict(OutcomeKind.REJECTED, "ops")
#: the record is gone, merged or doubled: the engine aims anew, nobody has to act
REMAP = Verdict(OutcomeKind.REJECTED, "nobody")
UNCLEAR = Verdict(OutcomeKind.UNKNOWN, "nobody")

#: Codes and categories by verdict. What stands nowhere is not retried: the payload is at fault, and ops look at it.
_GROUPS: tuple[tuple[Verdict, str], ...] = (
    (LATER, "RATE_LIMITS RATE_LIMIT LOCKED EXPIRED_AUTHENTICATION"),
    (
        ADMIN,
        """
        PROPERTY_DOESNT_EXIST READ_ONLY_VALUE REQUIRED_PROPERTY MISSING_REQUIRED_PROPERTY
        MISSING_CONDITIONAL_REQUIRED_PROPERTY MISSING_SCOPES INVALID_AUTHENTICATION
        """,
    ),
    (REMAP, "OBJECT_NOT_FOUND CONFLICT OBJECT_ALREADY_EXISTS CONFLICTING_UNIQUE_VALUE"),
    (OPS, "INVALID_OPTION INVALID_INTEGER INVALID_DATE INVALID_EMAIL PROPERTY_VALUE_TOO_LONG"),
)
TABLE: dict[str, Verdict] = {code: verdict for verdict, codes in _GROUPS for code in codes.split()}


@dataclass(frozen=True, slots=True)
class VendorError:
    """One refusal, of a request or of an input of it; every member is optional in the vendor's answers."""

    category: str
    codes: tuple[str, ...] = ()
    message: str = ""

    @property
    def code(self) -> str:
        """The narrowest word for it."""
        return next(iter(self.codes), "") or self.category or "refused"


def read_error(body: Any) -> VendorError:
    """Read an error as it stands in a refusal, or in the errors of a 207."""
    if not isinstance(body, dict):
        return VendorError("")
    members = body.get("errors")
    inner = [member for member in members if isinstance(member, dict)] if isinstance(members, list) else []
    codes = tuple(str(member["code"]) for member in inner if isinstance(member.get("code"), str))
    category = body.get("category")
    message = body.get("message")
    return VendorError(
        category if isinstance(category, str) else "", codes, message if isinstance(message, str) else ""
    )


def classify_row(error: VendorError) -> Verdict:
    """Say what an error inside a well-formed answer means for its row; the row was certainly not written.

    Several properties of a row may be refused at once: what somebody must mend comes before what may pass.
    """
    known = _known((*error.codes, error.category))
    return max(known, key=_WEIGHT.__getitem__, default=OPS)


def classify_request(status: int, error: VendorError) -> Verdict:
    """Say what a refused request means for the rows in it; a 5xx may come after the commit."""
    return UNCLEAR if status >= 500 else classify_row(error)


#: Which of several verdicts counts.
_WEIGHT: dict[Verdict, int] = {LATER: 0, REMAP: 1, OPS: 2, ADMIN: 3}


def _known(words: Sequence[str]) -> Iterable[Verdict]:
    return [TABLE[word] for word in words if word in TABLE]
