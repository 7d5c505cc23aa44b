"""The fields the CRM must have, and what the online check says when it has them not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connector.domain.records import PERSON_COLUMNS
from connector.mapping.bundle import Mappings
from connector.mapping.fields import CrmField
from connector.ports.crm import FieldSpec
from connector.ports.traits import AdapterTraits, FieldInfo, Finding
from connector.trust.fields import field_specs
from connector.trust.online import check_online

_KEY = "Handoff_Key__c"
_PERSON = {"key": _KEY, "stage_entry": "Handoff_Stage_Entry__c"}
_NATIVE = {
    "lead": _PERSON,
    "contact": _PERSON,
    "task": {"key": _KEY, "rule": "Handoff_Rule__c", "due_at": "Handoff_Due__c"},
}
CUSTOM = AdapterTraits(
    "crm",
    people={"lead": {}, "contact": {}},
    streams=(),
    native=_NATIVE,
    custom_suffix="__c",
    creation_key_unique={"lead": True, "task": False},
)
PLAIN = AdapterTraits("files", people={"lead": {}}, streams=(), native={"lead": {"key": "key"}, "task": {"key": "key"}})


class Org:
    """A CRM that says what it is told to say of itself."""

    def __init__(self, fields: Sequence[FieldInfo], traits: AdapterTraits = CUSTOM) -> None:
        self._fields = fields
        self._traits = traits

    def traits(self) -> AdapterTraits:
        return self._traits

    def check(self) -> list[Finding]:
        return [Finding(f"{self._traits.system} lets us in", ok=True, message="yes")]

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's word
        return [info for info in self._fields if info.object == object]


def _complete(starter: Mappings) -> list[FieldInfo]:
    ours = [FieldInfo(spec.object, spec.name, "text") for spec in field_specs(starter, CUSTOM)]
    titles = [FieldInfo(object_, "Title", "text") for object_ in ("lead", "contact")]
    industry = FieldInfo("lead", "Industry", "picklist", values=("Technology", "Media"), restricted=True)
    return [*ours, *titles, industry]


def _check(org: Org, starter: Mappings, *sources: Any) -> dict[str, Finding]:
    return {finding.subject: finding for finding in check_online(starter, [*sources, org], org)}  # type: ignore[arg-type]


def test_starter_fields(starter: Mappings) -> None:
    specs = field_specs(starter, CUSTOM)
    by_place = {(spec.object, spec.name): spec for spec in specs}
    assert len(by_place) == len(specs)
    assert specs == field_specs(starter, CUSTOM)
    for object_ in ("lead", "contact", "task"):
        assert (by_place[object_, _KEY].unique, by_place[object_, _KEY].external_id) == (True, True)
    for object_ in ("lead", "contact"):
        assert by_place[object_, "Handoff_Rejection__c"].values == starter.lifecycle.rejection.reasons
        assert by_place[object_, "Handoff_Stage_Entry__c"].type == "number"
        assert by_place[object_, "Handoff_Score__c"].type == "number"
        assert by_place[object_, "Handoff_Reasons__c"].type == "long_text"
        assert by_place[object_, "Need__c"].values == ("Yes", "No")
    assert by_place["account", "Handoff_Account_Score__c"].type == "number"
    assert by_place["task", "Handoff_Due__c"].type == "datetime"
    assert all(name.endswith("__c") for _, name in by_place)
    assert all(spec.description for spec in specs)


def test_a_crm_without_custom_fields_needs_none(starter: Mappings) -> None:
    assert field_specs(starter, PLAIN) == []


def test_a_complete_org_is_told_so(starter: Mappings) -> None:
    findings = _check(Org(_complete(starter)), starter)
    assert all(finding.ok for finding in findings.values())
    assert findings["fields of ours"].message == "all there"
    assert "unique key on task" in findings
    assert "unique key on lead" not in findings


def test_missing_fields_are_named_with_their_cure(starter: Mappings) -> None:
    fields = [info for info in _complete(starter) if (info.object, info.name) != ("contact", "Handoff_Score__c")]
    finding = _check(Org(fields), starter)["fields of ours"]
    assert not finding.ok
    assert "contact.Handoff_Score__c" in finding.message
    assert "handoff provision" in finding.cure
    assert " more " in _check(Org([]), starter)["fields of ours"].message


def test_a_field_of_theirs_that_nobody_has(starter: Mappings) -> None:
    fields = [info for info in _complete(starter) if info.name != "Title"]
    assert not _check(Org(fields), starter)["fields.yaml crm.person.Title"].ok
    one = [*fields, FieldInfo("lead", "Title", "text")]
    assert "fields.yaml crm.person.Title" not in _check(Org(one), starter)


def test_a_value_the_picklist_refuses(starter: Mappings) -> None:
    fields = [replace(info, values=("Media",)) if info.name == "Industry" else info for info in _complete(starter)]
    finding = _check(Org(fields), starter)["fields.yaml crm.person.Industry"]
    assert not finding.ok
    assert "Technology" in finding.message
    assert "Media" in finding.cure


def test_a_source_field_that_is_not_there(starter: Mappings) -> None:
    traits = AdapterTraits("hubspot", people={"contact": {name: name for name in PERSON_COLUMNS}}, streams=())
    known = [FieldInfo("contact", "hs_analytics_source", "text")]
    assert "fields.yaml person.channel" not in _check(Org(_complete(starter)), starter, Org(known, traits))
    other = [FieldInfo("contact", "email", "text")]
    finding = _check(Org(_complete(starter)), starter, Org(other, traits))["fields.yaml person.channel"]
    assert (finding.ok, "hs_analytics_source" in finding.message) == (False, True)


def test_specs_are_what_provisioning_takes(starter: Mappings) -> None:
    assert all(isinstance(spec, FieldSpec) and spec.length <= 32768 for spec in field_specs(starter, CUSTOM))


def test_what_flags_and_further_models_say_has_a_field_of_its_kind(starter: Mappings) -> None:
    sources = {
        "score.premium.total": "number",
        "score.premium.qualification": "number",
        "score.premium.grade": "text",
        "score.premium.buying_stage": "text",
        "too_hot": "text",
        "too_hot_since": "date",
        "too_hot_rules": "long_text",
        "early_alert_rules": "long_text",
        "declared_differs": "text",
    }
    mapped = {f"F{number}__c": CrmField.model_validate({"from": source}) for number, source in enumerate(sources)}
    account = {"Since__c": CrmField.model_validate({"from": "account.early_alert_since"})}
    crm = starter.fields.crm.model_copy(update={"person": mapped, "account": account})
    changed = replace(starter, fields=starter.fields.model_copy(update={"crm": crm}))
    kinds = {(spec.object, spec.name): spec.type for spec in field_specs(changed, CUSTOM)}
    assert [kinds["lead", name] for name in mapped] == list(sources.values())
    assert kinds["account", "Since__c"] == "date"


def test_it_is_said_where_nobody_can_see_who_opted_out(starter: Mappings) -> None:
    traits = replace(CUSTOM, opt_outs={"lead": {"email": "HasOptedOutOfEmail", "call": "DoNotCall"}})
    seen = [FieldInfo("lead", "HasOptedOutOfEmail", "boolean")]
    finding = _check(Org([*_complete(starter), *seen], traits), starter)["opt-outs"]
    assert (finding.ok, finding.message.split()[0]) == (True, "lead.DoNotCall")
    both = [*seen, FieldInfo("lead", "DoNotCall", "boolean")]
    assert "opt-outs" not in _check(Org([*_complete(starter), *both], traits), starter)
