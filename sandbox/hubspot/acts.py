"""What people do in this account, played for tests and the demo (``POST /__sandbox__/act``)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.clock import parse_instant
from sandbox.core.org import BadAct
from sandbox.hubspot.access.gate import COUNTED
from sandbox.hubspot.activity.activity_log import ASSET_DOWNLOAD, SITE, WEBINAR_ATTENDED
from sandbox.hubspot.activity.intake import Intake
from sandbox.hubspot.answers import Refusal, iso
from sandbox.hubspot.links import HUBSPOT_DEFINED, default_type
from sandbox.hubspot.mail_acts import MailActs
from sandbox.hubspot.objects import TYPES, ObjectType, object_type
from sandbox.hubspot.portal import SYSTEM, Portal, tick
from sandbox.hubspot.records.validation_rules import set_rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.core.records import Record
    from sandbox.hubspot.access.gate import Gate
    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.records.association_book import AssociationBook
    from sandbox.hubspot.records.writing import Writing

Act = dict[str, Any]
CONTACTS = TYPES["contacts"]
MEETING_LENGTH = timedelta(minutes=30)


class Acts:
    """Play acts on one portal. Every act takes ``at`` (ISO, by default now) and ``user`` (e-mail of who did it)."""

    def __init__(
        self, portal: Portal, writing: Writing, associations: AssociationBook, log: ActivityLog, gate: Gate
    ) -> None:
        """Act on a portal."""
        self._portal, self._writing, self._associations = portal, writing, associations
        self._log, self._gate = log, gate
        self._intake = Intake(portal, writing, log)
        self._mail = MailActs(portal, log)
        self._plays: dict[str, Callable[[Act], dict[str, Any]]] = {
            "submit_form": self._submit_form,
            "visit": self._visit,
            "visits": self._visits,
            "download": self._download,
            "attend_webinar": self._attend,
            "open_email": lambda act: self._email_act(act, "OPEN"),
            "click_email": lambda act: self._email_act(act, "CLICK"),
            "send_email": lambda act: self._mail.send(act, self._target(act), self._at(act), self._noted(act)),
            "scan_email": lambda act: self._mail.scan(act, self._target(act), self._at(act), self._noted(act)),
            "reply": self._reply,
            "book_meeting": self._book_meeting,
            "log_call": self._log_call,
            "complete_task": self._complete_task,
            "create": self._create,
            "create_contacts": self._create_contacts,
            "edit": self._edit,
            "reject": self._edit,
            "merge": self._merge,
            "delete": self._delete,
            "erase": self._erase,
            "opt_out": self._opt_out,
            "deactivate_user": self._deactivate_user,
            "remove_right": self._remove_right,
            "require_property": self._require_property,
            "set_limit": self._set_limit,
        }

    def play(self, acts: list[Act]) -> list[dict[str, Any]]:
        """Do the acts in order, all or none, and return one result per act.

        Raises:
            BadAct: one cannot be done; nothing of the list remains.
        """
        done: list[dict[str, Any]] = []
        author = self._portal.author
        try:
            with self._portal.records.transaction():
                for number, act in enumerate(acts):
                    done.append(self._one(number, act))
                self._portal.keep_ids()
        except BadAct:
            self._portal.reload()
            raise
        finally:
            self._portal.author = author
        return done

    def _one(self, number: int, act: Act) -> dict[str, Any]:
        play = self._plays.get(act["do"])
        if play is None:
            message = f"act {number}: {act['do']!r} is not played here; known are {sorted(self._plays)}"
            raise BadAct(message)
        self._portal.author = f"user:{act['user']}" if act.get("user") else SYSTEM
        self._portal.clock.reach(self._at(act))
        try:
            return {"do": act["do"], **play(act)}
        except Refusal as refusal:
            message = f"act {number} ({act['do']}): {refusal.message}"
            raise BadAct(message) from refusal
        except KeyError as error:
            message = f"act {number} ({act['do']}): {error.args[0]} is needed"
            raise BadAct(message) from error

    # -- finding -------------------------------------------------------------------------------

    def _at(self, act: Act) -> datetime:
        given = act.get("at")
        try:
            return self._portal.now() if given is None else tick(parse_instant(str(given)))
        except ValueError as error:
            message = f"{act['do']}: at is not a time"
            raise BadAct(message) from error

    def _kind(self, act: Act) -> ObjectType:
        name = str(act.get("object", "contact"))
        kind = object_type(name)
        if kind is None:
            message = f"{act['do']}: there is no object {name!r} here"
            raise BadAct(message)
        return kind

    def _target(self, act: Act, kind: ObjectType = CONTACTS, *, key: str = "id") -> Record:
        """Return the record an act names by id, contact e-mail or company domain."""
        record = None
        if act.get(key) is not None:
            text = str(act[key])
            by = "email" if "@" in text else None
            record = self._portal.by_property(kind, by, text) if by else self._portal.find(kind, text)
        elif act.get("email") is not None:
            record = self._portal.by_property(kind, "email", str(act["email"]))
        elif act.get("domain") is not None:
            record = self._portal.by_property(kind, "domain", str(act["domain"]))
        if record is None:
            message = f"{act['do']}: no {kind.singular} found by {key}, email or domain"
            raise BadAct(message)
        return record

    def _form(self, name: str) -> Record:
        for row in self._portal.records.rows("form"):
            if name in {row.values["name"], row.id}:
                return row
        message = f"submit_form: there is no form {name!r}"
        raise BadAct(message)

    # -- what visitors do ----------------------------------------------------------------------

    def _submit_form(self, act: Act) -> dict[str, Any]:
        """Make or update the contact, log the submission, and move the contact's time of change up."""
        form, at = self._form(str(act["form"])), self._at(act)
        given = {str(name): str(value) for name, value in (act.get("values") or {}).items()}
        contact, row = self._intake.submit(form, str(act["email"]), given, at, noted=self._noted(act))
        return {"contact": contact.id, "submission": row.id}

    def _noted(self, act: Act) -> datetime:
        """Return when the account learns of what an act says: now, also where it happened before."""
        return max(self._portal.now(), self._at(act))

    def _visit(self, act: Act) -> dict[str, Any]:
        row = self._log.visit(self._target(act).id, str(act["path"]), self._at(act), noted=self._noted(act))
        return {"event": row.id}

    def _visits(self, act: Act) -> dict[str, Any]:
        """Log ``count`` page views of one moment, by one contact or in turn by as many as there are."""
        count, path = int(act["count"]), str(act.get("path", "/pricing"))
        one = self._target(act).id if act.get("id") or act.get("email") else None
        ids = [one] if one else [record.id for record in self._portal.living(CONTACTS)]
        if not ids:
            message = "visits: there is no contact yet"
            raise BadAct(message)
        at, noted = self._at(act), self._noted(act)
        for number in range(count):
            self._log.visit(ids[number % len(ids)], path, at, noted=noted)
        return {"events": count}

    def _download(self, act: Act) -> dict[str, Any]:
        contact, asset = self._target(act), str(act["asset"])
        properties = {"asset": asset, "hs_url": f"{SITE}/downloads/{asset}.pdf"}
        row = self._log.event(contact.id, ASSET_DOWNLOAD, self._at(act), properties, noted=self._noted(act))
        return {"event": row.id}

    def _attend(self, act: Act) -> dict[str, Any]:
        contact, webinar = self._target(act), str(act.get("webinar", "webinar"))
        properties = {"webinar": webinar}
        row = self._log.event(contact.id, WEBINAR_ATTENDED, self._at(act), properties, noted=self._noted(act))
        return {"event": row.id}

    def _email_act(self, act: Act, kind: str) -> dict[str, Any]:
        return self._mail.one(act, kind, self._target(act), self._at(act), self._noted(act))

    def _reply(self, act: Act) -> dict[str, Any]:
        """Log the e-mail a contact answered with, and when they last replied."""
        contact, at = self._target(act), self._at(act)
        values = {
            "hs_timestamp": iso(at), "hs_email_direction": "INCOMING_EMAIL", "hs_email_status": "SENT",
            "hs_email_subject": str(act.get("subject", "Re: your message")), **(act.get("values") or {}),
        }  # fmt: skip
        row = self._engage("emails", values, contact, at)
        self._portal.update(contact, {"hs_sales_email_last_replied": iso(at)}, at=at)
        return {"email": row.id}

    # -- what reps do --------------------------------------------------------------------------

    def _engage(self, obj: str, values: dict[str, Any], contact: Record, at: datetime) -> Record:
        row = self._writing.create(TYPES[obj], values, at=at)
        number = default_type(obj, "contacts")
        assert number is not None
        self._associations.add(obj, row.id, "contacts", contact.id, [(HUBSPOT_DEFINED, number)])
        return row

    def _owner_of(self, act: Act) -> dict[str, str]:
        rows = self._portal.records.find("owner", "email", str(act.get("user", "")))
        return {"hubspot_owner_id": rows[0].id} if rows else {}

    def _book_meeting(self, act: Act) -> dict[str, Any]:
        contact, at = self._target(act), self._at(act)
        start = tick(parse_instant(str(act["starts"]))) if act.get("starts") else at + timedelta(days=2)
        values = {
            "hs_timestamp": iso(start), "hs_meeting_title": str(act.get("title", "Meeting")),
            "hs_meeting_start_time": iso(start), "hs_meeting_end_time": iso(start + MEETING_LENGTH),
            "hs_meeting_outcome": "SCHEDULED", **self._owner_of(act), **(act.get("values") or {}),
        }  # fmt: skip
        return {"meeting": self._engage("meetings", values, contact, at).id}

    def _log_call(self, act: Act) -> dict[str, Any]:
        contact, at = self._target(act), self._at(act)
        values = {
            "hs_timestamp": iso(at), "hs_call_title": str(act.get("title", "Call")), "hs_call_status": "COMPLETED",
            "hs_call_direction": "OUTBOUND", **self._owner_of(act), **(act.get("values") or {}),
        }  # fmt: skip
        return {"call": self._engage("calls", values, contact, at).id}

    def _complete_task(self, act: Act) -> dict[str, Any]:
        task = self._target(act, TYPES["tasks"])
        values = {"hs_task_status": "COMPLETED", **(act.get("values") or {})}
        self._writing.change(TYPES["tasks"], task, values, at=self._at(act))
        return {"id": task.id}

    def _create(self, act: Act) -> dict[str, Any]:
        kind = self._kind(act)
        return {"id": self._writing.create(kind, act.get("values") or {}, at=self._at(act)).id}

    def _create_contacts(self, act: Act) -> dict[str, Any]:
        """Make ``count`` contacts that all changed at one moment, as an import does."""
        count, at = int(act["count"]), self._at(act)
        prefix, domain = str(act.get("prefix", "bulk")), str(act.get("domain", "bulk.example"))
        shared = {str(name): str(value) for name, value in (act.get("values") or {}).items()}
        start = self._portal.records.count("contacts")
        first = last = ""
        for number in range(start, start + count):
            values = {"email": f"{prefix}{number}@{domain}", "firstname": "Bulk", "lastname": f"No {number}", **shared}
            values["lifecyclestage"] = "lead"
            last = self._portal.new_id()
            first = first or last
            self._portal.records.insert("contacts", last, values, at=at, by=self._portal.author)
        self._portal.touch()
        return {"first": first, "last": last, "count": count}

    def _edit(self, act: Act) -> dict[str, Any]:
        kind = self._kind(act)
        record = self._target(act, kind)
        after = self._writing.change(kind, record, act.get("values") or {}, at=self._at(act))
        return {"id": record.id, "changed": after is not record}

    def _merge(self, act: Act) -> dict[str, Any]:
        """Merge the named record into ``into`` (id, e-mail of a contact or domain of a company), which wins."""
        kind = self._kind(act)
        loser, winner = self._target(act, kind), self._target(act, kind, key="into")
        return {"id": self._writing.merge(kind, winner.id, loser.id, at=self._at(act)).id}

    def _delete(self, act: Act) -> dict[str, Any]:
        kind = self._kind(act)
        record = self._target(act, kind)
        self._writing.archive(kind, record.id, at=self._at(act))
        return {"id": record.id}

    def _erase(self, act: Act) -> dict[str, Any]:
        record = self._target(act)
        self._writing.erase(CONTACTS, record.id)
        return {"id": record.id}

    def _opt_out(self, act: Act) -> dict[str, Any]:
        contact, at = self._target(act), self._at(act)
        self._portal.update(contact, {"hs_email_optout": "true"}, at=at)
        more = {"portalSubscriptionStatus": "UNSUBSCRIBED", "source": "SOURCE_RECIPIENT"}
        recipient = str(act.get("email") or contact.get("email", "")).lower()
        self._log.email_event("STATUSCHANGE", recipient, at, contact_id=contact.id, more=more, noted=self._noted(act))
        return {"id": contact.id}

    # -- what administrators do ----------------------------------------------------------------

    def _deactivate_user(self, act: Act) -> dict[str, Any]:
        """Archive the owner of somebody who leaves; records keep the owner id."""
        email = str(act.get("email") or act["user"]).lower()
        rows = self._portal.records.find("owner", "email", email)
        if not rows:
            message = "deactivate_user: there is no active user with that e-mail"
            raise BadAct(message)
        self._portal.remove(rows[0], at=self._at(act))
        return {"id": rows[0].id}

    def _set_limit(self, act: Act) -> dict[str, Any]:
        """Give the account another limit until the next reset: burst, oauth_burst, search, associations or daily."""
        name, value = str(act["limit"]), int(act["value"])
        if name not in COUNTED or value < 0:
            message = f"set_limit: {name!r} is no limit of this account; known are {sorted(COUNTED)}"
            raise BadAct(message)
        self._gate.set_limit(name, value)
        return {"limit": name, "value": value}

    def _require_property(self, act: Act) -> dict[str, Any]:
        """Set a validation rule: ``property`` must be filled in, always or ``when`` others hold certain values."""
        return {"rule": set_rule(self._portal, self._kind(act), str(act["property"]), act.get("when") or {})}

    def _remove_right(self, act: Act) -> dict[str, Any]:
        self._gate.remove_right(str(act["right"]))
        return {"right": act["right"]}
