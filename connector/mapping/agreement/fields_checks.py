"""fields.yaml and matching.yaml: facts with names that conditions can use, fields that show results that exist."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector.mapping.agreement.naming import check_condition
from connector.mapping.agreement.report import Report, Shaped, unknown
from connector.mapping.facts import (
    ACCOUNT_RESULTS,
    ACCOUNT_SOURCES,
    PERSON_SOURCES,
    RESERVED,
    TICKED_SOURCES,
    Fact,
    further_facts,
    person_facts,
)
from connector.mapping.fields import CrmField, FactLine

_FILE = "fields"
#: results of accounts that no fact may hide; what is known of deals may also come as a fact of the account
_OF_ACCOUNTS = frozenset(ACCOUNT_RESULTS) - {"account.open_opportunity", "account.customer", "account.owner"}
_FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)


def check_fields(report: Report, shaped: Shaped, facts: dict[str, Fact] | None) -> None:
    """Check names, sources and the creation rule; ``facts`` are those that the rule sees, None when not known."""
    fields = shaped.fields
    if fields is None:
        return
    whole = _FILE in shaped.whole
    _check_lines(report, "person", fields.person, whole=whole)
    _check_lines(report, "account", fields.account, whole=whole)
    persons = {f"person.{name}" for name in person_facts(fields.person)}
    further = further_facts(model.name for model in shaped.further.values())
    _check_crm(report, "person", fields.crm.person, {*PERSON_SOURCES, *persons, *further})
    _check_crm(report, "account", fields.crm.account, {*ACCOUNT_SOURCES})
    if fields.create is not None and facts is not None:
        written = shaped.parts[_FILE].deepest(("create", "when"))[0][-1].plain()
        check_condition(report, _FILE, ("create", "when"), fields.create.when, written, facts, "create sees every fact")


def _check_lines(report: Report, kind: str, lines: Mapping[str, FactLine], *, whole: bool) -> None:
    for name, line in lines.items():
        if name in RESERVED and kind == "person":
            report.add(_FILE, (kind, name), f"{name} has a meaning of its own in conditions; choose another", key=True)
        elif _FACT_NAME.fullmatch(name) is None:
            message = "a fact's name has lower-case letters, digits and underscores and begins with a letter"
            report.add(_FILE, (kind, name), message, key=True)
        if kind == "account" and f"account.{name}" in _OF_ACCOUNTS:
            message = f"account.{name} is a result of ours; choose another name"
            report.add(_FILE, (kind, name), message, key=True)
        if line.declared and (kind == "account" or line.kind == "declared"):
            why = (
                "nobody declares facts of accounts" if kind == "account" else "class: declared says it of every source"
            )
            report.add(_FILE, (kind, name, "declared"), f"{why}; remove declared here", key=True)
        if whole and not line.sources and not line.declared:
            report.add(_FILE, (kind, name), "comes from nowhere; name a system and its field, {hubspot: jobtitle}")


def _check_crm(report: Report, kind: str, fields: Mapping[str, CrmField], sources: set[str]) -> None:
    for name, field in fields.items():
        path = ("crm", kind, name)
        if _FIELD_NAME.fullmatch(name) is None:
            report.add(_FILE, path, "is no field name of a CRM; write its API name, Handoff_Score__c", key=True)
        if field.source not in sources:
            report.add(_FILE, (*path, "from"), unknown("result or fact", field.source, sources))
        if kind == "account" and field.only is not None:
            report.add(_FILE, (*path, "only"), "only lead or contact differ; an account is one object, remove this")
        if (field.write == "if_true") != (field.source in TICKED_SOURCES):
            message = (
                "write: if_true goes with opt_out.email and opt_out.call: a box is ticked, and never unticked by us"
            )
            report.add(_FILE, (*path, "write") if field.write == "if_true" else (*path, "from"), message)
        elif field.write == "if_blank" and not field.source.startswith("person."):
            message = "a result changes from day to day, so its field must be ours: write: always"
            report.add(_FILE, (*path, "write"), message)
        if field.write == "always" and field.source.startswith("person."):
            message = "facts fill blanks only, what people entered stays: add write: if_blank"
            report.add(_FILE, path, message, key=True)


def check_matching(report: Report, shaped: Shaped) -> None:
    """Check thresholds and repeats."""
    matching = shaped.matching
    if matching is None:
        return
    seen: set[str] = set()
    for index, tier in enumerate(matching.account.tiers):
        path = ("account", "tiers", index)
        if tier.by in seen:
            report.add("matching", (*path, "by"), f"tier {tier.by} is listed twice; remove one")
        seen.add(tier.by)
        if tier.review > tier.accept:
            report.add("matching", (*path, "review"), "review lies above accept; what is sure enough is accepted first")
    keys = matching.person.keys
    if len(set(keys)) != len(keys):
        report.add("matching", ("person", "keys"), "a key is listed twice; remove one")
