"""What the org looks like to our user: describe, once per object and process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from adapters.salesforce.connection import Connection, Sub
from adapters.salesforce.vendor_errors import ApiError
from connector.errors import AccessError, ConfigError, HandoffError, TransientError
from connector.ports.traits import FieldInfo

#: our word → the vendor's object
OBJECTS: Mapping[str, str] = {
    "user": "User",
    "queue": "Group",
    "account": "Account",
    "lead": "Lead",
    "contact": "Contact",
    "opportunity": "Opportunity",
    "contact_role": "OpportunityContactRole",
    "campaign_member": "CampaignMember",
    "task": "Task",
    "event": "Event",
}
#: where a creation key is stored
KEY_FIELD = "Handoff_Key__c"
OWN_PREFIX = "Handoff_"

_Kind = Literal["text", "integer", "number", "boolean", "date", "datetime", "picklist", "reference", "other"]
_KINDS: Mapping[str, _Kind] = {
    "string": "text",
    "textarea": "text",
    "email": "text",
    "phone": "text",
    "url": "text",
    "combobox": "text",
    "encryptedstring": "text",
    "id": "reference",
    "reference": "reference",
    "picklist": "picklist",
    "boolean": "boolean",
    "int": "integer",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "date": "date",
    "datetime": "datetime",
}
#: Types that SOQL gives as structures, or that pulls have no use for.
_COMPOUND = frozenset({"address", "location", "base64", "anyType", "complexvalue"})
#: Describes in one composite request (REST62 Composite: 25 parts).
_PARTS = 25


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """One object as our user sees it."""

    word: str
    name: str
    #: the vendor's describe entry by field name
    fields: Mapping[str, Mapping[str, Any]]
    createable: bool
    updateable: bool

    def has(self, field: str) -> bool:
        """Say whether our user sees this field."""
        return field in self.fields

    def kind(self, field: str) -> str:
        """Give the vendor's type of a field, empty when unseen."""
        return str(self.fields.get(field, {}).get("type", ""))

    def selectable(self, names: Iterable[str]) -> list[str]:
        """Keep the fields that can be queried, each once, in order; names match whatever their case."""
        by_lower = {name.lower(): name for name in self.fields}
        found = (by_lower.get(name.lower()) for name in names)
        return list(dict.fromkeys(name for name in found if name and self.kind(name) not in _COMPOUND))

    def own_fields(self) -> list[str]:
        """List the fields that we provisioned."""
        return sorted(name for name in self.fields if name.startswith(OWN_PREFIX) and name.endswith("__c"))

    def key_is_unique(self) -> bool:
        """Say whether the org itself refuses a second record with the same creation key."""
        entry = self.fields.get(KEY_FIELD, {})
        return bool(entry.get("externalId")) and bool(entry.get("unique"))


class Schema:
    """The shapes of the org's objects, asked once and kept until something makes us doubt them."""

    def __init__(self, connection: Connection, *, system: str) -> None:
        """Start knowing nothing."""
        self._connection = connection
        self._system = system
        self._known: dict[str, ObjectShape | None] = {}

    def known(self, word: str) -> ObjectShape | None:
        """Give a shape if it has been asked for already. Sends nothing."""
        return self._known.get(word)

    def forget(self, word: str | None = None) -> None:
        """Ask again at the next use: of one object, or of all."""
        if word is None:
            self._known.clear()
        else:
            self._known.pop(word, None)

    def load(self, words: Iterable[str]) -> None:
        """Describe several objects in one call. An object that our user does not see is remembered as such.

        Raises:
            ConfigError: a word is none of ours.
            AccessError, RateLimited, TransientError: as for pulls.
        """
        missing = [word for word in dict.fromkeys(words) if word not in self._known]
        strange = [word for word in missing if word not in OBJECTS]
        if strange:
            raise ConfigError(f"{self._system}.no_such_object", f"there is no object {strange[0]}", at=self._system)
        for start in range(0, len(missing), _PARTS):
            words_now = missing[start : start + _PARTS]
            parts = [Sub("GET", f"sobjects/{OBJECTS[word]}/describe") for word in words_now]
            try:
                answers = self._connection.composite(parts, repeatable=True)
                for word, answer in zip(words_now, answers, strict=True):
                    gone = answer.status in (403, 404)
                    self._known[word] = None if gone else _shape(word, answer.checked())
            except ApiError as error:
                raise self._refused(error) from None

    def _refused(self, error: ApiError) -> HandoffError:
        code = f"{self._system}.{error.code.lower()}"
        if error.status >= 500:
            return TransientError(code, "the org could not describe its objects", at=self._system)
        cure = "instance_url is the org's My Domain address; api_version is one that the org still knows"
        return AccessError(code, "the org does not describe its objects to us", cure=cure, at=self._system)

    def find(self, word: str) -> ObjectShape | None:
        """Give a shape, or None when our user does not see the object."""
        if word not in self._known:
            self.load([word])
        return self._known[word]

    def get(self, word: str) -> ObjectShape:
        """Give a shape.

        Raises:
            AccessError: our user does not see the object.
        """
        shape = self.find(word)
        if shape is None:
            raise AccessError(
                f"{self._system}.object_not_visible",
                f"our user may not read {OBJECTS[word]}",
                cure=f"give our user the right to read {OBJECTS[word]}",
                at=self._system,
            )
        return shape


def field_infos(shape: ObjectShape) -> list[FieldInfo]:
    """Give the fields of an object in the words of ports: where our user may not edit the object, none can be."""
    return [_info(shape, name, entry) for name, entry in shape.fields.items()]


def _shape(word: str, body: Any) -> ObjectShape:
    entries = body.get("fields") if isinstance(body, dict) else None
    fields = {str(entry["name"]): entry for entry in entries or () if isinstance(entry, dict) and entry.get("name")}
    about = body if isinstance(body, dict) else {}
    return ObjectShape(
        word=word,
        name=str(about.get("name") or OBJECTS[word]),
        fields=fields,
        createable=bool(about.get("createable", True)),
        updateable=bool(about.get("updateable", True)),
    )


def _info(shape: ObjectShape, name: str, entry: Mapping[str, Any]) -> FieldInfo:
    kind = str(entry.get("type", ""))
    values = tuple(
        str(value["value"])
        for value in entry.get("picklistValues") or ()
        if isinstance(value, dict) and value.get("active", True) and value.get("value") is not None
    )
    nillable = entry.get("nillable", True) or entry.get("defaultedOnCreate", False)
    return FieldInfo(
        object=shape.word,
        name=name,
        type=_KINDS.get(kind, "other"),
        label=str(entry.get("label") or ""),
        length=int(entry["length"]) if entry.get("length") else None,
        required=bool(entry.get("createable")) and not nillable and kind != "boolean",
        createable=shape.createable and bool(entry.get("createable")),
        updateable=shape.updateable and bool(entry.get("updateable")),
        unique=bool(entry.get("unique")),
        external_id=bool(entry.get("externalId")),
        # A combobox suggests; only a picklist has values that mean something to the mapping files.
        values=values if kind in ("picklist", "multipicklist") else (),
        restricted=bool(entry.get("restrictedPicklist")),
    )
