"""How form definitions are stored and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import invalid, iso
from sandbox.hubspot.body_members import entries_of, entry_of

if TYPE_CHECKING:
    from sandbox.core.records import Record

CONFIGURATION: dict[str, Any] = {
    "language": "en", "cloneable": True, "editable": True, "archivable": True, "recaptchaEnabled": False,
    "notifyContactOwner": False, "notifyRecipients": [], "createNewContactForNewEmail": True,
    "prePopulateKnownValues": True, "allowLinkToResetKnownValues": False, "lifecycleStages": [],
    "postSubmitAction": {"type": "thank_you", "value": "Thanks for submitting the form."},
}  # fmt: skip
DISPLAY: dict[str, Any] = {
    "renderRawHtml": False,
    "theme": "default_style",
    "submitButtonText": "Submit",
    "style": {
        "fontFamily": "arial, helvetica, sans-serif", "backgroundWidth": "100%", "labelTextColor": "#33475b",
        "labelTextSize": "14px", "helpTextColor": "#7C98B6", "helpTextSize": "11px", "legalConsentTextColor": "#33475b",
        "legalConsentTextSize": "14px", "submitColor": "#ff7a59", "submitAlignment": "left",
        "submitFontColor": "#ffffff", "submitSize": "12px",
    },
}  # fmt: skip
CONSENT: dict[str, Any] = {"type": "none"}
PARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("configuration", CONFIGURATION),
    ("displayOptions", DISPLAY),
    ("legalConsentOptions", CONSENT),
)


def stored_form(wish: dict[str, Any], known: Record | None) -> dict[str, Any]:
    """Return what to store of a wished definition; ``known`` is the form it changes, None for a whole new one.

    Raises:
        Refusal: 400 for a malformed one.
    """
    values: dict[str, Any] = {}
    if known is None:
        if not wish.get("name") or wish.get("formType", "hubspot") != "hubspot":
            raise invalid("Invalid input JSON: name and the formType hubspot are required")
        values |= {"page": "/", "fieldGroups": []}
    if wish.get("name"):
        values["name"] = values["title"] = str(wish["name"])
    if "fieldGroups" in wish:
        groups = [entry_of(group, "fieldGroups") for group in entries_of(wish["fieldGroups"], "fieldGroups")]
        for group in groups:
            for field in entries_of(group.get("fields"), "fields"):
                if not entry_of(field, "fields").get("name"):
                    raise invalid("Invalid input JSON: a field needs a name")
        values["fieldGroups"] = groups
    for name, _ in PARTS:
        if name in wish:
            values[name] = entry_of(wish[name], name)
    if "fieldGroups" in values:
        values["fields"] = [field["name"] for group in values["fieldGroups"] for field in group.get("fields") or []]
    return values


def field_names(row: Record) -> list[str]:
    """Return the names of a form's fields."""
    return list(row.values["fields"])


def required_names(row: Record) -> list[str]:
    """Return the names of the fields a form insists on."""
    return [field["name"] for group in _groups(row) for field in group.get("fields") or [] if field.get("required")]


def shown_form(row: Record) -> dict[str, Any]:
    """Return a form definition as the API shows it."""
    shown = {
        "id": row.id,
        "name": row.values["name"],
        "formType": "hubspot",
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.modified_at),
        "archived": row.deleted,
        "fieldGroups": _groups(row),
    }
    shown |= {name: {**usual, **row.values.get(name, {})} for name, usual in PARTS}
    return {**shown, "archivedAt": iso(row.modified_at)} if row.deleted else shown


def _groups(row: Record) -> list[dict[str, Any]]:
    if "fieldGroups" in row.values:
        return list(row.values["fieldGroups"])
    fields = [_field(name) for name in row.values["fields"]]
    return [{"groupType": "default_group", "richTextType": "text", "fields": fields}]


def _field(name: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "objectTypeId": "0-1",
        "name": name,
        "label": name,
        "required": name == "email",
        "hidden": False,
        "dependentFields": [],
        "fieldType": "email" if name == "email" else "single_line_text",
    }
    if name == "email":
        field["validation"] = {"blockedEmailDomains": [], "useDefaultBlockList": False}
    return field
