"""The list of all checks, and the facts that hang on several files."""

from __future__ import annotations

from connector.mapping.agreement.fields_checks import check_fields, check_matching
from connector.mapping.agreement.lifecycle_checks import check_lifecycle
from connector.mapping.agreement.not_yet import check_not_yet
from connector.mapping.agreement.report import Report, Shaped
from connector.mapping.agreement.routing_checks import check_routing
from connector.mapping.agreement.scoring_checks import check_scoring
from connector.mapping.facts import (
    ACCOUNT_RESULTS,
    ANSWERS,
    PERSON_RESULTS,
    Fact,
    account_facts,
    facts_of_rules,
    further_facts,
    person_facts,
)


def all_facts(shaped: Shaped) -> dict[str, Fact] | None:
    """List every fact that transitions, routing and creation see; None while a file that names some has no shape.

    ``crm.*`` stands for every field of the CRM: which exist is asked online.
    """
    if shaped.fields is None or shaped.scoring is None or shaped.lifecycle is None:
        return None
    facts = person_facts(shaped.fields.person) | account_facts(shaped.fields.account)
    facts |= PERSON_RESULTS | ACCOUNT_RESULTS
    facts |= further_facts(model.name for model in shaped.further.values())
    facts |= facts_of_rules(shaped.scoring.rule_ids())
    facts["stage"] = Fact("word", tuple(shaped.names("lifecycle", "stages")))
    for question in shaped.names("scoring", "dimensions", "qualification", "bants"):
        facts[f"bants.{question}"] = Fact("word", ANSWERS)
    facts["crm.*"] = Fact("crm")
    return facts


def agree(report: Report, shaped: Shaped) -> None:
    """Run every check that the shaped files allow, and note all problems."""
    facts = all_facts(shaped)
    check_fields(report, shaped, facts)
    check_matching(report, shaped)
    check_scoring(report, shaped)
    check_lifecycle(report, shaped, facts)
    check_routing(report, shaped, facts)
    check_not_yet(report, shaped.written)
