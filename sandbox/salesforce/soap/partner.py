"""The SOAP door: signing in, and what people do that REST has no resource for: converting leads, merging, undeleting.

Calls that REST also offers are not built here; they are refused by name (reference: OAuth, Lead).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.access.identity import base_of, org_id, soap_user_info
from sandbox.salesforce.errors import ApiError, absent_row, no_access
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.objects.values import stamp_text
from sandbox.salesforce.rows.conversion import Conversion, Wish
from sandbox.salesforce.rows.dml import Author
from sandbox.salesforce.rows.merging import MOST_LOSERS, Merging
from sandbox.salesforce.soap import envelopes
from sandbox.salesforce.soap.envelopes import Plain, SoapFault, every, first, yes

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.salesforce.api import Api

ADDRESS = re.compile(r"/services/Soap/([ucmT])/(\d+(?:\.\d+)?)(/[^/]+)*")
NAMESPACES = {"u": envelopes.PARTNER, "c": envelopes.ENTERPRISE, "m": envelopes.METADATA}
#: Leads per call, merges per call, rows per call (reference: Lead; the vendor's limits for the others).
MOST_CONVERSIONS, MOST_MERGES, MOST_ROWS = 100, 200, 200
BAD_LOGIN = "Invalid username, password, security token; or user locked out."
BAD_SESSION = "Invalid Session ID found in SessionHeader: Illegal Session"
#: Operations the vendor has and this door has not.
NOT_BUILT_OPERATIONS = (
    "create update upsert delete query queryAll queryMore retrieve search getUpdated getDeleted describeGlobal "
    "describeSObject describeSObjects describeLayout describeTabs describeSoftphoneLayout emptyRecycleBin "
    "invalidateSessions process resetPassword setPassword sendEmail findDuplicates findDuplicatesByIds"
)
NOT_BUILT = frozenset(NOT_BUILT_OPERATIONS.split())

_Operation = Callable[["Partner", "Request", str, Plain], Any]


class Partner:
    """The partner and enterprise SOAP calls of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api
        self._conversion, self._merging = Conversion(api.state, api.dml), Merging(api.state, api.dml)

    def call(self, request: Request, version: str, operation: str, call: Plain) -> Any:
        """Carry an operation out and return its result or results.

        Raises: SoapFault, ApiError.
        """
        play = OPERATIONS.get(operation)
        if play is not None:
            return play(self, request, version, call)
        if operation in NOT_BUILT:
            raise SoapFault("SANDBOX_NOT_BUILT", f"The sandbox does not have this: SOAP {operation}", status=501)
        raise SoapFault("soapenv:Client", f"No operation available for request {{{envelopes.PARTNER}}}{operation}")

    # -- signing in and out --------------------------------------------------------------------

    def login(self, request: Request, version: str, call: Plain) -> Any:
        """Open a session by username and password; the security token may stand behind the password."""
        sessions, state = self._api.sessions, self._api.state
        self._api.trace.apart("sign_in")
        name, word = first(call, "username"), first(call, "password")
        user = state.row(state.me)
        if user is None or not name or not word or not sessions.knows(str(name), str(word)):
            raise SoapFault("INVALID_LOGIN", BAD_LOGIN, login=True)
        if not sessions.user_active():
            raise SoapFault("INVALID_LOGIN", BAD_LOGIN, login=True)
        base, org = base_of(request), org_id(state)
        kind = "c" if "/Soap/c/" in request.path else "u"
        return {
            "metadataServerUrl": f"{base}/services/Soap/m/{version}/{org[:15]}",
            "passwordExpired": False,
            "sandbox": False,
            "serverUrl": f"{base}/services/Soap/{kind}/{version}/{org[:15]}",
            "sessionId": sessions.open_session(),
            "userId": user.id,
            "userInfo": soap_user_info(state, user),
        }

    def user_info(self, _: Request, __: str, ___: Plain) -> Any:
        """Say whose session it is."""
        self._api.trace.apart("sign_in")
        user = self._api.state.row(self._api.user)
        return {} if user is None else soap_user_info(self._api.state, user)

    def timestamp(self, _: Request, __: str, ___: Plain) -> Any:
        """Say what time it is in the org."""
        self._api.trace.apart("limits")
        return {"timestamp": stamp_text(self._api.state.clock.now()).replace("+0000", "Z")}

    # -- leads ---------------------------------------------------------------------------------

    def convert_lead(self, _: Request, __: str, call: Plain) -> Any:
        """Convert up to 100 leads, each for itself."""
        wishes = every(call, "leadConverts")
        self._limit(len(wishes), MOST_CONVERSIONS)
        return [self._each(partial(self._converted, wish), "Lead") for wish in wishes]

    def _converted(self, wish: Plain) -> dict[str, Any]:
        lead = self._row(first(wish, "leadId"), "leadId", "Lead")
        status = first(wish, "convertedStatus")
        if not status:
            raise ApiError("REQUIRED_FIELD_MISSING", "convertedStatus is required", ("convertedStatus",))
        may = self._api.state.may
        rights = (("Lead", "edit"), ("Contact", "create"), ("Account", "create"), ("Opportunity", "create"))
        if not all(may(obj, right, self._api.user) for obj, right in rights):
            raise no_access()
        asked = Wish(
            lead,
            status=str(status),
            account=self._optional(wish, "accountId", "Account"),
            contact=self._optional(wish, "contactId", "Contact"),
            owner=self._optional(wish, "ownerId", "User"),
            opportunity=not yes(first(wish, "doNotCreateOpportunity")),
            opportunity_name=first(wish, "opportunityName") or None,
            overwrite_source=yes(first(wish, "overwriteLeadSource")),
        )
        done = self._conversion.convert(asked, self._author())
        return {
            "accountId": done.account,
            "contactId": done.contact,
            "leadId": done.lead,
            "opportunityId": done.opportunity,
            "success": True,
        }

    # -- merging and undeleting ----------------------------------------------------------------

    def merge(self, _: Request, __: str, call: Plain) -> Any:
        """Merge up to two rows into a third, several times."""
        wishes = [*every(call, "request"), *every(call, "mergeRequests")]
        self._limit(len(wishes), MOST_MERGES)
        return [self._each(partial(self._merged, wish), None) for wish in wishes]

    def _merged(self, wish: Plain) -> dict[str, Any]:
        master = first(wish, "masterRecord")
        winner = self._row(first(master, "Id") or first(master, "id"), "masterRecord", None)
        ids = [str(entry) for entry in every(wish, "recordToMergeIds")]
        if not 0 < len(ids) <= MOST_LOSERS:
            raise ApiError("INVALID_ARGUMENT_TYPE", f"between 1 and {MOST_LOSERS} records can be merged into one", ())
        losers = [self._row(entry, "recordToMergeIds", None) for entry in ids]
        may = self._api.state.may
        if not may(winner.obj, "edit", self._api.user) or not may(winner.obj, "delete", self._api.user):
            raise no_access()
        values = {
            name: found[0] if found and found[0] != "" else None
            for name, found in (master.items() if isinstance(master, dict) else ())
            if name not in (envelopes.KIND, "type", "Id", "id", "fieldsToNull")
        }
        values |= {str(name): None for name in every(master, "fieldsToNull")}
        moved = self._merging.merge(winner, losers, values, Author(self._api.user, auto_assign=False))
        return {
            "id": winner.id,
            "mergedRecordIds": [row.id for row in losers],
            "success": True,
            "updatedRelatedIds": moved,
        }

    def undelete(self, _: Request, __: str, call: Plain) -> Any:
        """Take rows out of the recycle bin."""
        ids = every(call, "ids")
        self._limit(len(ids), MOST_ROWS)
        return [self._each(partial(self._undeleted, row_id), None) for row_id in ids]

    def _undeleted(self, row_id: Any) -> dict[str, Any]:
        row = self._row(row_id, "ids", None)
        if not row.deleted or row.get("MasterRecordId") is not None:
            raise ApiError("UNDELETE_FAILED", "Entity is not in the recycle bin", ())
        self._api.dml.undelete(row, self._author())
        return {"id": row.id, "success": True}

    # -- inside --------------------------------------------------------------------------------

    def _author(self) -> Author:
        return Author(self._api.user, auto_assign=False, system=True)

    def _limit(self, number: int, most: int) -> None:
        if number > most:
            self._api.trace.violation = True
            raise SoapFault("EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {most} records")

    def _row(self, row_id: Any, name: str, obj: str | None) -> Record:
        full = full_id(row_id)
        if full is None:
            raise ApiError("MALFORMED_ID", f"{name}: id value of incorrect type: {row_id}", (name,))
        row = self._api.state.row(full)
        if row is None:
            raise absent_row()
        if obj is not None and row.obj != obj:
            raise ApiError("MALFORMED_ID", f"{name}: id value of incorrect type: {row_id}", (name,))
        if row.deleted and obj is not None:
            raise ApiError("ENTITY_IS_DELETED", "entity is deleted", ())
        return row

    def _optional(self, wish: Plain, name: str, obj: str) -> str | None:
        given = first(wish, name)
        return self._row(given, name, obj).id if given else None

    def _each(self, run: Callable[[], Mapping[str, Any]], kind: str | None) -> Mapping[str, Any]:
        """Carry out one of several; what fails takes back only itself."""
        api = self._api
        try:
            with api.state.records.transaction():
                done = run()
        except ApiError as error:
            api.trace.wrote(kind or "Lead", "update", None)
            wrong = {"fields": list(error.fields or ()), "message": error.message, "statusCode": error.code}
            return {"errors": wrong, "success": False}
        api.trace.counted()
        return done


OPERATIONS: dict[str, _Operation] = {
    "login": Partner.login,
    "getUserInfo": Partner.user_info,
    "getServerTimestamp": Partner.timestamp,
    "convertLead": Partner.convert_lead,
    "merge": Partner.merge,
    "undelete": Partner.undelete,
}
