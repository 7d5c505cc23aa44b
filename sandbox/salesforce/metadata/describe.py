"""Describe answers, as the caller's field-level security shows them (reference: describe)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.describe_marks import (
    GROUPABLE,
    NOT_AGGREGATABLE,
    NOT_GROUPABLE,
    NOT_PREFILTERABLE,
    QUIET_DEFAULTS,
    VALUE_LABELS,
    permissionable,
)
from sandbox.salesforce.objects.history_tables import HISTORIES, TRACKED
from sandbox.salesforce.objects.schema import NUMBER_TYPES, TEXT_TYPES, Field, SObject
from sandbox.salesforce.rows.rules import CASCADES

if TYPE_CHECKING:
    from sandbox.salesforce.state import OrgState

SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "anyType": "xsd:anyType",
}
MASTER_RECORD_TYPE = "012000000000000AAA"
#: The field by which people call a row, where it is not Name.
NAME_FIELD = {"Task": "Subject", "Event": "Subject"}
PERSON_NAME = frozenset({"Name", "FirstName", "LastName", "Salutation"})
PEOPLE = frozenset({"Lead", "Contact", "User"})
ADDRESS_PARTS = ("Street", "City", "State", "PostalCode", "Country", "Latitude", "Longitude", "GeocodeAccuracy")
#: Attributes that no field of ours ever has otherwise.
ALWAYS: dict[str, Any] = {
    "aiPredictionField": False,
    "autoNumber": False,
    "calculated": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "controllerName": None,
    "defaultValueFormula": None,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "highScaleNumber": False,
    "mask": None,
    "maskType": None,
    "referenceTargetField": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "writeRequiresMasterRead": False,
}

#: What a full describe says of every object of ours beside its outline.
ALWAYS_OF_OBJECT: dict[str, Any] = {
    "actionOverrides": [],
    "defaultImplementation": None,
    "extendedBy": None,
    "extendsInterfaces": None,
    "implementedBy": None,
    "implementsInterfaces": None,
    "listviewable": None,
    "lookupLayoutable": None,
    "namedLayoutInfos": [],
    "networkScopeFieldName": None,
    "sobjectDescribeOption": "FULL",
}


def _compound(obj: str, name: str) -> str | None:
    if (obj in PEOPLE and name in PERSON_NAME - {"Name"}) or (obj == "Account" and name == "Name"):
        return "Name"
    if obj == "Opportunity" and name in ("FiscalYear", "FiscalQuarter"):
        return "Fiscal"
    if obj in ("Lead", "Contact", "Account"):
        return next((name.removesuffix(part) + "Address" for part in ADDRESS_PARTS if name.endswith(part)), None)
    return None


def _extra_type(obj: str, field: Field) -> str | None:
    if obj == "Account" and field.name == "Name":
        return "switchablepersonname"
    if obj in PEOPLE and field.name in PERSON_NAME:
        return "personname"
    if field.name == "PhotoUrl":
        return "imageurl"
    return ("richtextarea" if field.html else "plaintextarea") if field.type == "textarea" else None


def _bytes(field: Field) -> int:
    if field.type in ("id", "reference"):
        return 18
    # The fiscal period is plain ASCII; any other text may take three bytes a character.
    return field.length * (1 if field.name == "Fiscal" else 3) if field.type in TEXT_TYPES else 0


def describe_field(obj: SObject, field: Field) -> dict[str, Any]:
    """Return one field of a describe answer."""
    full = f"{obj.name}.{field.name}"
    plain = field.filterable and field.type != "address"
    labels = VALUE_LABELS.get(full, {})
    long_group = field.type in ("datetime", "currency", "double", "percent")
    quiet = full in QUIET_DEFAULTS
    return {
        **ALWAYS,
        "aggregatable": plain and field.type != "boolean" and full not in NOT_AGGREGATABLE,
        "byteLength": _bytes(field),
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": _compound(obj.name, field.name),
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": False if quiet else field.default,
        "defaultedOnCreate": field.defaulted,
        "digits": field.digits,
        "externalId": field.external_id,
        "extraTypeInfo": _extra_type(obj.name, field),
        "filterable": field.filterable,
        "groupable": full in GROUPABLE or (plain and not long_group and full not in NOT_GROUPABLE),
        "htmlFormatted": field.html,
        "idLookup": field.id_lookup or field.external_id,
        "inlineHelpText": field.help_text,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name == NAME_FIELD.get(obj.name, "Name"),
        "namePointing": len(field.refers_to) > 1,
        "nillable": field.nillable,
        "permissionable": permissionable(obj.name, field),
        "picklistValues": [
            {
                "active": True,
                "defaultValue": value == field.default,
                "label": labels.get(value, value),
                "validFor": None,
                "value": value,
            }
            for value in field.values
        ],
        "polymorphicForeignKey": len(field.refers_to) > 1,
        "precision": field.precision if field.type in NUMBER_TYPES else 0,
        "queryByDistance": field.type == "address",
        "referenceTo": list(field.refers_to),
        "relationshipName": field.relationship,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": field.type == "reference" and field.name not in NOT_PREFILTERABLE,
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": plain,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
    }


#: Objects with a feed, with pages people open, that search finds, and that a deep clone takes along.
FED = frozenset({"Account", "Contact", "Lead", "Opportunity", "User"})
OPENED = frozenset({"Account", "Contact", "Lead", "Opportunity", "Campaign", "User", "Event", "Task"})
SEARCHED = OPENED | {"UserRole"}
#: Objects with a page layout, and so with triggers; what describes the org itself has neither.
LAID_OUT = OPENED | {"CampaignMember", "OpportunityContactRole"}
CLONED_DEEP = frozenset({"Opportunity", "Campaign"})
#: Deleted for good: no recycle bin for them.
NOT_UNDELETABLE = frozenset(
    {"OpportunityContactRole", "CampaignMember", "Group", "GroupMember", "QueueSobject", "UserRole", "PermissionSet"}
)


def _urls(obj: SObject, version: str) -> dict[str, str]:
    base = f"/services/data/{version}/sobjects/{obj.name}"
    shown = {"rowTemplate": f"{base}/{{ID}}", "describe": f"{base}/describe", "sobject": base}
    if obj.name not in LAID_OUT:
        return shown
    shown |= {"compactLayouts": f"{base}/describe/compactLayouts", "layouts": f"{base}/describe/layouts"}
    if obj.name in OPENED:
        shown["quickActions"] = f"{base}/quickActions"
    if obj.name in OPENED - {"User", "Event", "Task"}:
        shown |= {"approvalLayouts": f"{base}/describe/approvalLayouts", "listviews": f"{base}/listviews"}
    return shown


def outline(state: OrgState, obj: SObject, version: str, user: str) -> dict[str, Any]:
    """Return an object's entry of the global describe."""
    may = {what: state.may(obj.name, what, user) for what in ("create", "edit", "delete")}
    return {
        "activateable": False,
        "associateEntityType": "History" if obj.name in HISTORIES else None,
        "associateParentEntity": next((p for p, entry in TRACKED.items() if entry.history == obj.name), None),
        "createable": "c" in obj.flags and may["create"],
        "custom": False,
        "customSetting": False,
        "deepCloneable": obj.name in CLONED_DEEP,
        "deletable": "d" in obj.flags and may["delete"],
        "deprecatedAndHidden": False,
        "feedEnabled": obj.name in FED,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": obj.prefix,
        "label": obj.label,
        "labelPlural": obj.plural,
        "layoutable": obj.name in LAID_OUT,
        "mergeable": "m" in obj.flags,
        "mruEnabled": obj.name in OPENED,
        "name": obj.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": obj.name in SEARCHED,
        "triggerable": obj.name in LAID_OUT,
        "undeletable": "d" in obj.flags and obj.name not in NOT_UNDELETABLE,
        "updateable": "u" in obj.flags and may["edit"],
        "urls": _urls(obj, version),
    }


def describe_global(state: OrgState, version: str, user: str) -> dict[str, Any]:
    """Return the global describe."""
    readable = [obj for obj in state.schema.objects.values() if obj.name != "CustomField"]
    readable = [obj for obj in readable if state.may(obj.name, "read", user)]
    entries = [outline(state, obj, version, user) for obj in sorted(readable, key=lambda obj: obj.name)]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries}


def describe_object(state: OrgState, obj: SObject, version: str, user: str) -> dict[str, Any]:
    """Return the full describe of an object, without the fields the user may not see."""
    fields = [describe_field(obj, field) for field in obj.fields.values() if state.visible(obj, field, user)]
    for entry in fields:
        found = obj.fields[entry["name"].lower()]
        if not state.writable(obj, found, user):
            entry["createable"] = entry["updateable"] = False
    cascades = set(CASCADES.get(obj.name, ()))
    children: list[dict[str, Any]] = [
        {
            "cascadeDelete": (child, link.name) in cascades or child in HISTORIES,
            "childSObject": child,
            "deprecatedAndHidden": False,
            "field": link.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": name,
            "restrictedDelete": False,
        }
        for child, link, name in state.schema.referring(obj.name)
    ]
    master = {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": MASTER_RECORD_TYPE,
        "urls": {"layout": f"/services/data/{version}/sobjects/{obj.name}/describe/layouts/{MASTER_RECORD_TYPE}"},
    }
    plural = obj.plural.lower()
    scopes = [{"label": f"All {plural}", "name": "everything"}]
    if obj.name in OPENED:
        scopes.append({"label": f"My {plural}", "name": "mine"})
    return {
        **ALWAYS_OF_OBJECT,
        **outline(state, obj, version, user),
        "childRelationships": sorted(children, key=lambda child: (str(child["childSObject"]), str(child["field"]))),
        "compactLayoutable": obj.name in LAID_OUT,
        "fields": fields,
        "recordTypeInfos": [master] if obj.name in OPENED | {"CampaignMember"} else [],
        "searchLayoutable": obj.name in SEARCHED,
        "supportedScopes": scopes,
    }
