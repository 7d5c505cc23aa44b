"""Describe answers, as the caller's field-level security shows them (reference: describe)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.schema import NUMBER_TYPES, TEXT_TYPES, Field, SObject

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
}
MASTER_RECORD_TYPE = "012000000000000AAA"
#: Names under which a custom field on an activity's base object is labelled.
NAME_FIELD = {"Opportunity": "Name", "Account": "Name", "Task": "Subject", "Event": "Subject"}


def _compound(obj: str, name: str) -> str | None:
    if name in ("FirstName", "LastName", "Salutation") and obj in ("Lead", "Contact", "User"):
        return "Name"
    for part in ("Street", "City", "State", "PostalCode", "Country"):
        if name.endswith(part) and obj in ("Lead", "Contact", "Account"):
            return name.removesuffix(part) + "Address"
    return None


def describe_field(obj: SObject, field: Field) -> dict[str, Any]:
    """Return one field of a describe answer."""
    text = field.type in TEXT_TYPES
    return {
        "aggregatable": field.filterable and field.type != "boolean",
        "autoNumber": False,
        "byteLength": 18 if field.type in ("id", "reference") else field.length * 3 if text else 0,
        "calculated": False,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": _compound(obj.name, field.name),
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default,
        "defaultedOnCreate": field.defaulted,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.digits,
        "externalId": field.external_id,
        "filterable": field.filterable,
        "groupable": field.filterable and field.type not in ("datetime", "currency", "double", "percent"),
        "idLookup": field.id_lookup or field.external_id,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name == NAME_FIELD.get(obj.name, "Name"),
        "nillable": field.nillable,
        "permissionable": (field.createable or field.updateable) and field.nillable,
        "picklistValues": [
            {"active": True, "defaultValue": value == field.default, "label": value, "validFor": None, "value": value}
            for value in field.values
        ],
        "polymorphicForeignKey": len(field.refers_to) > 1,
        "precision": field.precision if field.type in NUMBER_TYPES else 0,
        "referenceTo": list(field.refers_to),
        "relationshipName": field.relationship,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.filterable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
    }


def outline(state: OrgState, obj: SObject, version: str, user: str) -> dict[str, Any]:
    """Return an object's entry of the global describe."""
    base = f"/services/data/{version}/sobjects/{obj.name}"
    may = {what: state.may(obj.name, what, user) for what in ("create", "edit", "delete")}
    return {
        "activateable": False,
        "createable": "c" in obj.flags and may["create"],
        "custom": False,
        "customSetting": False,
        "deletable": "d" in obj.flags and may["delete"],
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "keyPrefix": obj.prefix,
        "label": obj.label,
        "labelPlural": obj.plural,
        "layoutable": True,
        "mergeable": "m" in obj.flags,
        "mruEnabled": False,
        "name": obj.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": "a" in obj.flags,
        "triggerable": True,
        "undeletable": "d" in obj.flags and obj.name != "OpportunityContactRole",
        "updateable": "u" in obj.flags and may["edit"],
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
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
    children = [
        {"childSObject": child, "field": link.name, "relationshipName": name, "cascadeDelete": False}
        for child, link, name in state.schema.children(obj.name)
    ]
    record_types = [
        {"active": True, "available": True, "defaultRecordTypeMapping": True, "master": True, "name": "Master"}
        | {"developerName": "Master", "recordTypeId": MASTER_RECORD_TYPE}
    ]
    return {
        **outline(state, obj, version, user),
        "childRelationships": children,
        "fields": fields,
        "recordTypeInfos": record_types,
        "supportedScopes": [{"label": f"All {obj.plural.lower()}", "name": "everything"}],
    }
