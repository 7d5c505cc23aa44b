"""People who are created in the CRM: only where the mappings say so, once, complete with score and reason."""

from __future__ import annotations

from connector.delivery.ground import Ground, Person
from connector.delivery.keys import creation_key
from connector.delivery.opt_out import of_new_record
from connector.delivery.records import known_fills
from connector.domain.records import Value
from connector.domain.writes import Cause, Write
from connector.ports.store import OutboxRow
from connector.routing.pools import Owner

#: what Salesforce's own tools put where a required company is unknown
NOT_PROVIDED = "[not provided]"


def creation_object(ground: Ground, person: Person) -> str:
    """Say as what a person would be created: contact or lead."""
    creation = ground.mappings.fields.create
    as_contact = creation is not None and creation.as_ == "contact_if_account_else_lead"
    return "contact" if as_contact and person["account"] == "matched" else "lead"


def may_create(ground: Ground, person: Person, *, asked: bool) -> bool:
    """Say whether the mappings let a person be created; ``asked``: by an event of theirs, which lifts a deletion."""
    if ground.mappings.fields.create is None or (person["crm_deleted"] and not asked):
        return False
    return bool(person["may_create"]) and not person["in_review"] and not person["erased"]


def person_creation(
    ground: Ground, person: Person, own: dict[str, Value], *, owner: Owner, episode: str, fast_lane: bool
) -> OutboxRow:
    """Build the creation of the record of a person who may be created.

    ``own`` are our fields' values, written in the same breath so that nobody reaches sales unscored.
    """
    object_ = creation_object(ground, person)
    key = creation_key(ground.install, object_, "create", person["subject"], episode)
    fields: dict[str, Value] = {}
    for word, native in ground.crm.people[object_].items():
        value = person.get(word)
        if word in {"created_at", "updated_at"} or value is None or "." in native:
            continue
        fields[native] = ground.fit_value(object_, native, value)
    fields |= known_fills(ground, person, object_)
    fields |= _required(ground, object_, person, fields)
    fields[ground.native(object_, "owner")] = owner.id or None
    fields[ground.native(object_, "key")] = key
    fields[ground.native(object_, "stage_entry")] = person["stage_entry"]
    if object_ == "contact":
        fields[ground.native(object_, "account")] = person["account_id"]
    described = ground.info.get(object_, {})
    fields |= {name: value for name, value in own.items() if not described or name in described}
    fields |= of_new_record(ground, person, object_)
    fields.pop("", None)
    usable: dict[str, Value] = {
        n: v for n, v in fields.items() if v is not None and (n not in described or described[n].createable)
    }
    return ground.row(
        Write(key=key, kind="create", object=object_, id=None, fields=usable, ours=frozenset(own)),
        lane=key,
        group="create",
        cause=Cause.CREATION,
        rule="create",
        person_id=person["person_id"],
        reason=f"{person['disposition']}: {owner.reason}",
        priority=0 if fast_lane else 1,
    )


def _required(ground: Ground, object_: str, person: Person, fields: dict[str, Value]) -> dict[str, Value]:
    names = ground.crm.people[object_]
    needed: dict[str, Value] = {}
    last = names.get("last_name", "")
    if last and not fields.get(last):
        local = (person.get("email") or "").partition("@")[0]
        needed[last] = person.get("first_name") or local or "Unknown"
    company = names.get("company", "")
    if object_ == "lead" and company and not fields.get(company):
        needed[company] = person.get("domain") or NOT_PROVIDED
    return needed
