"""Further models, flags, stages of assets, declared facts: each fault is refused at its line, and alone."""

from __future__ import annotations

import pytest

from connector.errors import MappingError
from connector.mapping.load import FILES, check_texts, load_mappings
from connector.mapping.starter import starter_mapping
from connector.scoring.examples import run_examples

#: what the starter says itself, so that a case can say it otherwise
SAID = ("too_hot:", "early_alert:", "stage_people:", "open_deal:", "customer:", "hierarchy:", "declared_weight:")
STARTER = {word: starter_mapping(word).decode() for word in FILES}
STARTER["scoring"] = "".join(
    line for line in STARTER["scoring"].splitlines(keepends=True) if not line.strip().startswith(SAID)
)
FURTHER = """\
name: premium
for: {country: {in: [DE, AT]}}
win: opportunity_won
dimensions:
  fit: {rules: [{id: big, when: {employees: {gte: 200}}, points: 60}]}
  interest: {rules: [{id: chat, on: chat, points: 20, stage: decision}]}
  qualification: {weight: 2}
grades: {fit: {A: 75, B: 50, C: 25, D: 0}, interest: {1: 75, 2: 50, 3: 25, 4: 0}}
matrix:
  A: [sales, sales, review, nurture]
  B: [sales, review, review, nurture]
  C: [review, nurture, nurture, nurture]
  D: [nurture, nurture, nurture, nurture]
examples:
  - {given: {employees: 300}, did: [{chat: hello, days_ago: 0}], expect: {fit: 60, interest: 20, points.chat: 20}}
"""
FACT = "crm.opportunity_won: true"


def problems_of(changes):
    texts = STARTER | {"scoring-premium": FURTHER}
    for word, old, new in changes:
        assert texts[word].count(old) >= 1, f"{old!r} is not in {word}"
        texts[word] = texts[word].replace(old, new, 1)
    return check_texts({word: text.encode() for word, text in texts.items()})


def test_a_further_model_has_no_problems_and_its_numbers_are_facts():
    for fact in ("score.premium.total: {gte: 5}", "score.premium.grade: A1", "score.premium.verdict: sales"):
        assert problems_of([("lifecycle", FACT, f"{FACT}, {fact}")]) == []
    shown = ("fields", "{from: score.grade}", "{from: score.premium.grade}")
    expected = ("scoring", "expect: {fit: {gte: 75}", "expect: {score.premium.fit: 60, fit: {gte: 75}")
    assert problems_of([shown, expected]) == []


def test_single_rules_flags_and_accounts_are_facts():
    for fact in (
        "points.pricing-page: {gte: 9}",
        "count.decider: 1",
        "too_hot: true",
        "early_alert: false",
        "account.news: true",
        "account.buying_stage: decision",
        "account.decider: missing",
        "score.interest: {lt: 9}",
        "declared_differs: {known: true}",
    ):
        assert problems_of([("lifecycle", FACT, f"{FACT}, {fact}")]) == []


CASES = [
    # further models
    ("scoring-premium", "name: premium", "name: premuim", "name", "write name: premium"),
    ("scoring", "name: default", "name: premium", "name", "has the name premium already"),
    ("scoring-premium", "win: opportunity_won\n", "", "win", "without a win"),
    ("scoring-premium", "country: {in", "contry: {in", "for.contry", "did you mean country"),
    ("scoring-premium", "points: 60", "points: 600", "dimensions.fit.rules.0.points", "mixes scales"),
    ("scoring-premium", "D: 0}", "D: 10}", "grades.fit.D", "gap"),
    ("scoring-premium", "grades:", "account: {cap: 50}\ngrades:", "account", "scored by scoring.yaml"),
    ("scoring-premium", "grades:", "too_hot: none\ngrades:", "too_hot", "scoring.yaml's"),
    ("scoring-premium", "grades:", "early_alert: {fit: [B]}\ngrades:", "early_alert", "scoring.yaml's"),
    ("scoring-premium", "grades:", "write_step: 3\ngrades:", "write_step", "said in scoring.yaml"),
    (
        "scoring-premium",
        "{weight: 2}",
        "{bants: {need: Need__c}}",
        "dimensions.qualification.bants",
        "read as scoring.yaml says",
    ),
    (
        "scoring-premium",
        "on: chat, points",
        "on: form_submit, points",
        "dimensions.interest.rules.0",
        "fast-tracked by contact-us",
    ),
    ("scoring-premium", "on: chat, points", "on: page_view, points", "dimensions.interest.rules.0.where", "page"),
    ("scoring-premium", "expect: {fit: 60", "expect: {account.score: 60", "examples.0.expect.account.score", "unknown"),
    ("scoring-premium", "points.chat: 20", "points.chta: 20", "examples.0.expect.points.chta", "points.chat"),
    ("scoring", "name: default", "name: default\nfor: {country: DE}", "for", "speaks of everybody"),
    (
        "lifecycle",
        FACT,
        f"{FACT}, score.premum.total: 5",
        "transitions.0.when.score.premum.total",
        "score.premium.total",
    ),
    ("lifecycle", FACT, f"{FACT}, score.premium.grade: E1", "transitions.0.when.score.premium.grade", "unknown value"),
    (
        "fields",
        "{from: score.grade}",
        "{from: score.premum.grade}",
        "crm.person.Handoff_Grade__c.from",
        "premium.grade",
    ),
    # single rules
    (
        "lifecycle",
        FACT,
        f"{FACT}, points.pricing: {{gte: 1}}",
        "transitions.0.when.points.pricing",
        "points.pricing-page",
    ),
    ("routing", "grade: A1, role", "count.chatt: 3, role", "personas.0.when.count.chatt", "did you mean count.chat"),
    (
        "routing",
        "grade: A1, role",
        "points.chat: {contains: x}, role",
        "personas.0.when.points.chat.contains",
        "number",
    ),
    # flags
    ("scoring", "win: o", "too_hot: {signals: 1}\nwin: o", "too_hot.signals", "greater"),
    ("scoring", "win: o", "too_hot: {within: 36h}\nwin: o", "too_hot.within", "whole number of days"),
    ("scoring", "win: o", "too_hot: {singals: 3}\nwin: o", "too_hot.singals", "did you mean signals"),
    ("scoring", "win: o", "too_hot: null\nwin: o", "too_hot", "write none"),
    ("scoring", "win: o", "too_hot: off\nwin: o", "too_hot", "mapping"),
    ("scoring", "win: o", "early_alert: {fit: [E]}\nwin: o", "early_alert.fit.0", "none of"),
    ("scoring", "win: o", "early_alert: {fit: []}\nwin: o", "early_alert.fit", "at least 1"),
    # accounts
    (
        "scoring",
        "cap: 60 ",
        "hierarchy: {factor: 1.5}\n  cap: 60 ",
        "account.hierarchy.factor",
        "less than or equal to 1",
    ),
    (
        "scoring",
        "cap: 60 ",
        "hierarchy: {when: {country: DE}}\n  cap: 60 ",
        "account.hierarchy.when.country",
        "account.country",
    ),
    ("scoring", "cap: 60 ", "stage_people: {decision: 0}\n  cap: 60 ", "account.stage_people.decision", "greater"),
    ("scoring", "cap: 60 ", "open_deal: ignore\n  cap: 60 ", "account.open_deal", "none of"),
    ("scoring", "cap: 60 ", "customer: yes\n  cap: 60 ", "account.customer", "none of"),
    # stages
    ("scoring", "decision: 8}", "decision: 8, decison: 1}", "dimensions.interest.stages.decison", "none of"),
    (
        "scoring",
        "win: o",
        "assets: {decision: [a, b], awareness: [B]}\nwin: o",
        "assets.awareness.0",
        "stands in decision",
    ),
    ("scoring", "win: o", "assets: {late: [a]}\nwin: o", "assets.late", "none of"),
    (
        "scoring",
        "where: {asset: {in: &buying",
        "where: {asset_stage: decision, asset: {in: &buying",
        "dimensions.interest.rules.4.where",
        "no asset has a stage",
    ),
    # declared
    (
        "fields",
        "channel: {hubspot: hs",
        "channel: {class: declared, declared: {hubspot: x}, hubspot: hs",
        "person.channel.declared",
        "every source",
    ),
    ("fields", "crm:\n", "account: {fit: {salesforce: Rating}}\n\ncrm:\n", "account.fit", "result of ours"),
    (
        "fields",
        "crm:\n",
        "account: {tier: {salesforce: Rating, declared: {hubspot: x}}}\n\ncrm:\n",
        "account.tier.declared",
        "nobody declares",
    ),
    ("fields", "channel: {hub", "points: {hub", "person.points", "meaning of its own"),
    ("fields", "channel: {hub", "too_hot: {hub", "person.too_hot", "meaning of its own"),
    (
        "scoring",
        "competitor}\n",
        "competitor}\n    declared_weight: 0\n",
        "dimensions.fit.declared_weight",
        "greater than 0",
    ),
    ("scoring", "  cap: 60 ", "    declared_weight: 2\n  cap: 60 ", "account.fit.declared_weight", "nobody declares"),
    # examples
    ("scoring", "days_ago: 1}]", "days_ago: [1, -1]}]", "examples.0.did.0.days_ago", "whole number"),
    ("scoring", "days_ago: 1}]", "times: [1, 2]}]", "examples.0.did.0.times", "same length"),
]
#: faults that are noted where the thing they are about stands, or above it
FAR = {
    "without a win",
    "gap",
    "no asset has a stage",
    "fast-tracked by contact-us",
    "page",
    "has the name premium already",
}


@pytest.mark.parametrize(("word", "old", "new", "key", "message"), CASES, ids=lambda value: None)
def test_refused_at_its_line(word, old, new, key, message):
    problems = problems_of([(word, old, new)])
    assert len(problems) == 1, "\n".join(map(str, problems))
    problem = problems[0]
    assert problem.key == key
    assert message in problem.message
    texts = STARTER | {"scoring-premium": FURTHER}
    if message not in FAR:
        assert problem.file == f"{word}.yaml"
        first = texts[word][: texts[word].index(old)].count("\n") + 1
        assert first <= problem.line <= first + new.count("\n") + 1


@pytest.mark.parametrize("name", ["total", "grade", "fit_low", "date", "verdict"])
def test_a_name_that_means_something_else_is_refused(name):
    texts = STARTER | {f"scoring-{name}": FURTHER.replace("name: premium", f"name: {name}")}
    (problem,) = check_texts({word: text.encode() for word, text in texts.items()})
    assert (problem.file, problem.key) == (f"scoring-{name}.yaml", "name")
    assert "is a result of scoring.yaml" in problem.message


def folder_of(tmp_path, **more):
    for word, text in (STARTER | more).items():
        (tmp_path / f"{word}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_further_models_are_read_from_the_folder_and_count_in_the_digest(tmp_path):
    folder = folder_of(tmp_path)
    alone = load_mappings(folder)
    (folder / "scoring-premium.yaml").write_text(FURTHER, encoding="utf-8")
    together = load_mappings(folder)
    assert (alone.further, [model.name for model in together.further]) == ((), ["premium"])
    assert together.files["scoring-premium.yaml"] == FURTHER
    assert alone.digest != together.digest
    assert run_examples(together.further[0]) == []


@pytest.mark.parametrize("name", ["scoring-Premium.yaml", "scoring_premium.yaml", "scoring-premium.yml"])
def test_a_file_that_would_silently_not_be_read_is_refused(tmp_path, name):
    folder = folder_of(tmp_path)
    (folder / name).write_text(FURTHER, encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_mappings(folder)
    (problem,) = caught.value.problems
    assert problem.file.endswith(name)
    assert "name it scoring-NAME.yaml" in problem.message


def test_declared_sources_become_a_line_of_their_own(tmp_path):
    text = STARTER["fields"].replace(
        "person:\n", "person:\n  employees: {type: integer, declared: {hubspot: form_size}}\n", 1
    )
    lines = load_mappings(folder_of(tmp_path, fields=text)).fields.person
    assert lines["declared.employees"].sources == {"hubspot": "form_size"}
    assert lines["declared.employees"].type == "integer"
