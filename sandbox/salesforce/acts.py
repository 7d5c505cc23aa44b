"""Things people do in the CRM: edit, reject, complete, convert, merge, delete, reply, call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.clock import parse_instant
from sandbox.core.org import BadAct
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.objects.picklists import CLOSED_TASK_STATUS
from sandbox.salesforce.objects.values import stamp_text
from sandbox.salesforce.rows.conversion import Conversion, Wish
from sandbox.salesforce.rows.dml import Author, Dml
from sandbox.salesforce.rows.duplicates import ALERT, BLOCK, COMPARED, OFF
from sandbox.salesforce.rows.merging import Merging

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.objects.schema import SObject
    from sandbox.salesforce.state import OrgState

DEFAULT_USER = "rep1@corp.example"
KEYS = frozenset({"do", "object", "id", "email", "user", "values", "at", "into", "right", "convert_to"})

#: Limits that an act can set, and where the org keeps each.
LIMITS = {
    "DailyApiRequests": "daily_calls",
    "DailyBulkApiBatches": "daily_batches",
    "DailyBulkV2QueryJobs": "daily_query_jobs",
}


class People:
    """Carry out acts; each is one transaction of a person, in the org's time unless ``at`` says otherwise."""

    def __init__(self, state: OrgState) -> None:
        """Take the org's rows."""
        self._state = state
        self._dml = Dml(state)
        self._conversion, self._merging = Conversion(state, self._dml), Merging(state, self._dml)

    def do(self, act: dict[str, Any]) -> dict[str, Any]:
        """Carry out one act and return what it made or changed.

        Raises: BadAct.
        """
        known: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
            "edit": self._edit,
            "create": self._create,
            "complete_task": self._complete,
            "reject": self._reject,
            "convert": self._convert,
            "merge": self._merge,
            "delete": self._delete,
            "deactivate_user": self._deactivate,
            "activate_user": self._activate,
            "remove_right": self._remove_right,
            "give_right": self._give_right,
            "reply": self._reply,
            "log_call": self._log_call,
            "set_limit": self._set_limit,
            "undelete": self._undelete,
            "assign": self._assign,
            "go_on_holiday": self._go_on_holiday,
            "set_duplicate_rule": self._set_duplicate_rule,
            "set_validation_rule": self._set_validation_rule,
        }
        play = known.get(str(act.get("do")))
        if play is None:
            raise BadAct(f"nobody can {act.get('do')!r} here; known are {sorted(known)}")
        if unknown := sorted(set(act) - KEYS):
            raise BadAct(f"{act['do']}: unknown keys {unknown}; known are {sorted(KEYS)}")
        user = self._user(act.get("user", DEFAULT_USER))
        at = act.get("at")
        try:
            if at is None:
                return {"do": act["do"], **play(act, user)}
            with self._state.standing_at(parse_instant(str(at))):
                return {"do": act["do"], **play(act, user)}
        except ApiError as error:
            raise BadAct(f"{act['do']}: {error.code}: {error.message}") from error
        except ValueError as error:
            if isinstance(error, BadAct):
                raise
            raise BadAct(f"{act['do']}: {error}") from error

    # -- who and what --------------------------------------------------------------------------

    def _user(self, name: Any) -> str:
        found = self._state.user_id(str(name)) or self._state.user_id(f"{name}@corp.example")
        full = full_id(name)
        if found is None and full is not None and self._state.records.get("User", full) is not None:
            found = full
        if found is None:
            raise BadAct(f"no user {name!r}")
        return found

    def _object(self, name: str) -> SObject:
        found = self._state.schema.object(name)
        if found is None:
            raise BadAct(f"no object {name!r}")
        return found

    def _find(self, act: dict[str, Any], *objects: str, key: str = "id") -> Record:
        """Return the living row that an act means: by id, or by e-mail among the given objects."""
        given = act.get(key)
        full = full_id(given)
        row = self._state.row(full)
        if row is None:
            email = act.get("email") if key == "id" and given is None else given
            if not email:
                raise BadAct(f"{act['do']}: an id or email is needed, {key} is {given!r}")
            found = [
                row for obj in objects or ("Lead", "Contact") for row in self._state.records.find(obj, "Email", email)
            ]
            open_rows = [row for row in found if not row.get("IsConverted")]
            if not found:
                raise BadAct(f"{act['do']}: nobody here has that e-mail")
            return (open_rows or found)[0]
        if objects and row.obj not in objects:
            raise BadAct(f"{act['do']}: a {' or '.join(objects)} is needed, not a {row.obj}")
        return row

    def _values(self, act: dict[str, Any]) -> dict[str, Any]:
        values = act.get("values", {})
        if not isinstance(values, dict):
            raise BadAct(f"{act['do']}: values must be an object")
        return values

    def _by(self, user: str) -> Author:
        return Author(user, auto_assign=False, system=True)

    def _set(self, row: Record, values: dict[str, Any], user: str) -> dict[str, Any]:
        self._dml.update(self._object(row.obj), row.id, values, self._by(user))
        return {"object": row.obj, "id": row.id}

    # -- acts ----------------------------------------------------------------------------------

    def _edit(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        obj = act.get("object")
        kinds = (self._object(str(obj)).name,) if obj is not None else ("Lead", "Contact")
        return self._set(self._find(act, *kinds), self._values(act), user)

    def _create(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        obj = self._object(str(act.get("object", "Lead")))
        outcome = self._dml.create(obj, self._values(act), self._by(user))
        return {"object": obj.name, "id": outcome.id}

    def _complete(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        row = self._state.row(full_id(act.get("id")))
        if row is None or row.obj != "Task":
            person = self._find(act, "Lead", "Contact")
            tasks = [
                task
                for task in self._state.records.find("Task", "WhoId", person.id)
                if task.get("Status") != CLOSED_TASK_STATUS
            ]
            if not tasks:
                raise BadAct("complete_task: that person has no open task")
            row = min(tasks, key=lambda task: (task.created_at, task.id))
        return self._set(row, {"Status": CLOSED_TASK_STATUS, **self._values(act)}, user)

    def _reject(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        person = self._find(act, "Lead", "Contact")
        values = self._values(act)
        if not values and person.obj == "Lead":
            values = {"Status": "Closed - Not Converted"}
        return self._set(person, values, user)

    def _convert(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        lead = self._find(act, "Lead")
        if lead.obj != "Lead" or lead.get("IsConverted"):
            raise BadAct("convert: a lead that is not converted is needed")
        account = self._account_for(act, lead)
        wish = Wish(
            lead,
            account=account,
            contact=self._contact_for(lead, account),
            owner=user,
            opportunity=act.get("convert_to") == "opportunity",
        )
        done = self._conversion.convert(wish, self._by(user))
        if self._values(act):
            self._dml.put(lead, self._values(act), user)
        deal = {} if done.opportunity is None else {"opportunity": done.opportunity}
        return {"object": "Lead", "id": lead.id, "account": done.account, "contact": done.contact, **deal}

    def _account_for(self, act: dict[str, Any], lead: Record) -> str | None:
        """Return the account that a rep picks: the one named, else one called like the lead's company."""
        given = act.get("into")
        if given is not None:
            return self._find({**act, "email": None}, "Account", key="into").id
        found = self._state.records.find("Account", "Name", lead.get("Company"))
        return found[0].id if found else None

    def _contact_for(self, lead: Record, account: str | None) -> str | None:
        email = lead.get("Email")
        for row in self._state.records.find("Contact", "Email", email) if email and account else ():
            if row.get("AccountId") == account:
                return row.id
        return None

    def _merge(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        loser = self._find(act, "Lead", "Contact", "Account")
        winner = self._find({**act, "email": act.get("into")}, loser.obj, key="into")
        if loser.id == winner.id or loser.deleted or winner.deleted:
            raise BadAct("merge: two different living records are needed")
        self._merging.merge(winner, [loser], {}, self._by(user))
        now = self._state.records.get(winner.obj, winner.id) or winner
        # Whoever merges by hand picks, of two values, the one that is there.
        blanks = {
            name: value for name, value in loser.values.items() if now.get(name) is None and name != "MasterRecordId"
        }
        self._dml.put(now, {**blanks, **self._values(act)}, user)
        return {"object": winner.obj, "id": winner.id, "merged": loser.id}

    def _delete(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        obj = act.get("object")
        row = self._find(act, *(() if obj is None else (self._object(str(obj)).name,)))
        self._dml.delete(self._object(row.obj), row.id, self._by(user))
        return {"object": row.obj, "id": row.id}

    def _switch(self, act: dict[str, Any], *, active: bool) -> dict[str, Any]:
        target = self._user(act.get("id") or act.get("email") or act.get("user"))
        row = self._state.records.get("User", target)
        if row is None:
            raise BadAct("no such user")
        self._dml.put(row, {"IsActive": active}, self._state.admin)
        return {"object": "User", "id": target}

    def _deactivate(self, act: dict[str, Any], _: str) -> dict[str, Any]:
        return self._switch(act, active=False)

    def _activate(self, act: dict[str, Any], _: str) -> dict[str, Any]:
        return self._switch(act, active=True)

    def _remove_right(self, act: dict[str, Any], _: str) -> dict[str, Any]:
        obj, right = self._right(act)
        self._state.remove_right(f"{obj}.{right}")
        return {"object": obj, "right": right}

    def _give_right(self, act: dict[str, Any], _: str) -> dict[str, Any]:
        obj, right = self._right(act)
        self._state.give_right(f"{obj}.{right}")
        return {"object": obj, "right": right}

    def _right(self, act: dict[str, Any]) -> tuple[str, str]:
        obj = self._object(str(act.get("object", "Lead"))).name
        return obj, str(act.get("right") or self._values(act).get("right") or self._values(act).get("field") or "edit")

    def _activity(self, act: dict[str, Any], user: str, values: dict[str, Any]) -> dict[str, Any]:
        person = self._find(act, "Lead", "Contact")
        full = {
            "WhoId": person.id,
            "Status": CLOSED_TASK_STATUS,
            "ActivityDate": self._state.when().date().isoformat(),
            "OwnerId": user,
            **values,
            **self._values(act),
        }
        outcome = self._dml.create(self._object("Task"), full, self._by(user))
        return {"object": "Task", "id": outcome.id}

    def _reply(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        return self._activity(act, user, {"Subject": "Email: reply received", "TaskSubtype": "Email"})

    def _log_call(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        values = {"Subject": "Call", "TaskSubtype": "Call", "CallType": "Outbound", "CallDurationInSeconds": 300}
        return self._activity(act, user, values)

    def _undelete(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        row = self._state.row(full_id(act.get("id")))
        if row is None or not row.deleted or row.get("MasterRecordId") is not None:
            raise BadAct("undelete: the id of a row in the recycle bin is needed")
        self._dml.undelete(row, self._by(user))
        return {"object": row.obj, "id": row.id}

    def _assign(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        """Give a record to another user, or to a queue by its name."""
        name = str(self._values(act).get("owner", ""))
        queues = [row for row in self._state.records.find("Group", "Name", name) if row.get("Type") == "Queue"]
        owner = queues[0].id if queues else self._user(name)
        return self._set(self._find(act), {"OwnerId": owner}, user)

    def _go_on_holiday(self, act: dict[str, Any], user: str) -> dict[str, Any]:
        """Put days out of office into a rep's calendar: ``days`` of them, from ``at`` or now on."""
        days = self._values(act).get("days", 7)
        if isinstance(days, bool) or not isinstance(days, int) or not 0 < days < 366:
            raise BadAct("go_on_holiday: days must be a whole number between 1 and 365")
        start = self._state.when().replace(hour=0, minute=0, second=0, microsecond=0)
        end = start + timedelta(days=days - 1)
        values = {
            "Subject": "Out of office",
            "ShowAs": "OutOfOffice",
            "IsAllDayEvent": True,
            "StartDateTime": stamp_text(start),
            "EndDateTime": stamp_text(end),
            "OwnerId": user,
        }
        outcome = self._dml.create(self._object("Event"), values, self._by(user))
        return {"object": "Event", "id": outcome.id, "until": end.date().isoformat()}

    def _set_duplicate_rule(self, act: dict[str, Any], _: str) -> dict[str, Any]:
        """Switch an object's duplicate rule: ``{"action": "alert" | "block" | "off"}``."""
        obj = self._object(str(act.get("object", "Lead"))).name
        action = str(self._values(act).get("action", "")).lower()
        if obj not in COMPARED or action not in (ALERT, BLOCK, OFF):
            raise BadAct(
                f"set_duplicate_rule: an action ({ALERT}, {BLOCK}, {OFF}) on one of {sorted(COMPARED)} is needed"
            )
        rules: dict[str, str] = self._state.records.kept("duplicate_rules", {})
        self._state.records.keep("duplicate_rules", {**rules, obj: action})
        return {"object": obj, "action": action}

    def _set_validation_rule(self, act: dict[str, Any], _: str) -> dict[str, Any]:
        """Let an admin forbid that a field stays blank, in words of their own; without a message the rule goes."""
        obj = self._object(str(act.get("object", "Lead")))
        field = obj.field_of(str(self._values(act).get("field", "")))
        if field is None:
            raise BadAct("set_validation_rule: values must name a field of the object")
        message = self._values(act).get("message")
        kept: list[dict[str, Any]] = self._state.records.kept("validation_rules", [])
        others = [rule for rule in kept if (rule["object"], rule["field"]) != (obj.name, field.name)]
        fresh = [] if not message else [{"object": obj.name, "field": field.name, "message": str(message)}]
        self._state.records.keep("validation_rules", others + fresh)
        return {"object": obj.name, "field": field.name, "active": bool(message)}

    def _set_limit(self, act: dict[str, Any], _: str) -> dict[str, Any]:
        wanted = self._values(act)
        fits = all(isinstance(number, int) and not isinstance(number, bool) for number in wanted.values())
        if not wanted or not fits or not set(wanted) <= set(LIMITS):
            raise BadAct(f"set_limit: values must hold numbers for some of {', '.join(LIMITS)}")
        for name, number in wanted.items():
            self._state.records.keep(LIMITS[name], number)
        return wanted
