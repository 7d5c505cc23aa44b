"""Each fault of the mapping files is refused at its line, with the cure, and alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import MappingError
from connector.mapping.load import FILES, check_mappings, check_texts, load_mappings
from connector.mapping.starter import starter_mapping

STARTER = {word: starter_mapping(word).decode() for word in FILES}


def problems_after(word: str, old: str, new: str):
    """Problems of the starter with one piece of text replaced, and the line where it stands."""
    text = STARTER[word]
    assert text.count(old) >= 1, f"{old!r} is not in the starter"
    line = text[: text.index(old)].count("\n") + 1
    changed = {**STARTER, word: text.replace(old, new, 1)}
    return check_texts({key: value.encode() for key, value in changed.items()}), line


CASES = [
    # one scale
    ("scoring", "points: 40", "points: 400", "dimensions.fit.rules.0.points", "mixes scales"),
    ("scoring", "cap: 30", "cap: -130", "dimensions.interest.groups.content.cap", "mixes scales"),
    ("scoring", "A: 75", "A: 750", "grades.fit.A", "mixes scales"),
    ("scoring", "points: 12", "points: 12.3456", "dimensions.interest.rules.0.points", "3 decimal"),
    ("scoring", "points: 12", "points: '12'", "dimensions.interest.rules.0.points", "without quotes"),
    ("scoring", "points: 12", "points: []", "dimensions.interest.rules.0.points", "the list is empty"),
    ("scoring", "points: 12", "points: yes", "dimensions.interest.rules.0.points", "no number"),
    # wins and bands
    ("scoring", "win: opportunity_won", "win: opportunity_won\ngoal: x", "goal", "unknown key"),
    ("scoring", "win: opportunity_won", "", "win", "without a win"),
    ("scoring", "D: 0}", "D: 10}", "grades.fit.D", "gap"),
    ("scoring", "C: 25, D: 0", "D: 0", "grades.fit", "gap"),
    ("scoring", "2: 50", "2: 80", "grades.interest.2", "must fall"),
    ("scoring", "  D: [nurture, nurture, nurture, nurture]\n", "", "matrix", "row D is missing"),
    ("scoring", "A: [sales, sales,", "A: [sales,", "matrix.A.3", "missing"),
    ("scoring", "A: [sales, sales,", "A: [sale, sales,", "matrix.A.0", "none of"),
    # rules
    ("scoring", "id: influencer", "id: decider", "dimensions.fit.rules.1.id", "taken"),
    ("scoring", "id: influencer", "id: limit", "dimensions.fit.rules.1.id", "clamps"),
    ("scoring", "id: influencer", "id: In Fluencer", "dimensions.fit.rules.1.id", "lower-case"),
    ("scoring", "group: content", "group: contents", "dimensions.interest.rules.4.group", "did you mean content"),
    ("scoring", "on: asset_download", "on: asset_downlod", "dimensions.interest.rules.4.on", "none of"),
    ("scoring", "half_life: 30d", "half_life: month", "dimensions.interest.half_life", "no half-life"),
    ("scoring", "half_life: 30d", "half_life: 0d", "dimensions.interest.half_life", "nothing"),
    ("scoring", "per: 7d", "per: 36h", "dimensions.interest.rules.0.at_most", "whole number of days"),
    ("scoring", "{domain: {known: true}}", "{domian: {known: true}}", "dimensions.fit.rules.5.when.domian", "domain"),
    (
        "scoring",
        "{domain: {known: true}}",
        "{interest: {gte: 5}}",
        "dimensions.fit.rules.5.when.interest",
        "unknown fact",
    ),
    (
        "scoring",
        "{domain: {known: true}}",
        "{domain: {knows: true}}",
        "dimensions.fit.rules.5.when.domain.knows",
        "operator",
    ),
    (
        "scoring",
        "{domain: {known: true}}",
        "{domain: {matches: '(?=a)'}}",
        "dimensions.fit.rules.5.when.domain.matches",
        "RE2",
    ),
    (
        "scoring",
        "{domain: {known: true}}",
        "{employees: {contains: 1}}",
        "dimensions.fit.rules.5.when.employees.contains",
        "quotes",
    ),
    (
        "scoring",
        "{domain: {known: true}}",
        "{employees: {contains: '1'}}",
        "dimensions.fit.rules.5.when.employees.contains",
        "number",
    ),
    ("scoring", "{domain: {known: true}}", "{domain: ''}", "dimensions.fit.rules.5.when.domain", "known: false"),
    (
        "scoring",
        "{account.website: {known: true}}",
        "{website: {known: true}}",
        "account.fit.rules.2.when.website",
        "account.website",
    ),
    ("scoring", "{score: {gte: 50}}", "{scores: {gte: 50}}", "account.ready_when.scores", "unknown fact"),
    # pages
    (
        "scoring",
        "{path: {starts_with: /customers}, not: *denied}",
        "{not: *denied}",
        "dimensions.interest.rules.3.where",
        "page",
    ),
    (
        "scoring",
        "{path: {starts_with: /customers}, not: *denied}",
        "{path: {starts_with: /}}",
        "dimensions.interest.rules.3.where",
        "page",
    ),
    (
        "scoring",
        "{path: {starts_with: /customers}, not: *denied}",
        "{path: {matches: '.*'}}",
        "dimensions.interest.rules.3.where",
        "page",
    ),
    (
        "scoring",
        "{path: {starts_with: /customers}, not: *denied}",
        "{path: {is_not: /careers}}",
        "dimensions.interest.rules.3.where",
        "page",
    ),
    (
        "scoring",
        "{path: {starts_with: /customers}, not: *denied}",
        "{any: [{path: /a}, {campaign: x}]}",
        "dimensions.interest.rules.3.where",
        "page",
    ),
    # fast lane
    (
        "scoring",
        "{form: {in: [whitepaper-download, newsletter]}}",
        "{form: {in: [newsletter, Contact-Us]}}",
        "dimensions.interest.rules.6",
        "fast-tracked",
    ),
    (
        "scoring",
        "{form: {in: [whitepaper-download, newsletter]}}",
        "{path: /resources}",
        "dimensions.interest.rules.6",
        "fast-tracked",
    ),
    # examples
    ("scoring", "page_view: /careers", "page_vew: /careers", "examples.2.did.0.page_vew", "page_view"),
    ("scoring", "expect: {interest: 0}", "expect: {intrest: 0}", "examples.2.expect.intrest", "interest"),
    ("scoring", "expect: {interest: 0}", "expect: {verdict: maybe}", "examples.2.expect.verdict", "verdict"),
    ("scoring", "given: {title: Working Student}", "given: {titel: x}", "examples.1.given.titel", "title"),
    # stages
    ("lifecycle", "terminal: [customer]", "terminal: [costumer]", "terminal.0", "did you mean customer"),
    ("lifecycle", "stages: [qualified]}", "stages: [qualifed]}", "human_gate.stages.0", "unknown stage"),
    ("lifecycle", "to: accepted, when: {any", "to: acepted, when: {any", "transitions.8.to", "unknown stage"),
    (
        "lifecycle",
        "{from: mql, to: accepted",
        "{from: [mql, mgl], to: accepted",
        "transitions.8.from.1",
        "unknown stage",
    ),
    ("lifecycle", "recycled, disqualified]", "recycled, lost, disqualified]", "stages.8", "unreachable"),
    ("lifecycle", "stages: [inquiry, nurture,", "stages: [inquiry, inquiry, nurture,", "stages.1", "twice"),
    (
        "lifecycle",
        "{from: any, to: disqualified",
        "{from: [any, mql], to: disqualified",
        "transitions.2.from.0",
        "alone",
    ),
    (
        "lifecycle",
        "{from: any, to: disqualified",
        "{from: [mql, disqualified], to: disqualified",
        "transitions.2.from.1",
        "itself",
    ),
    (
        "lifecycle",
        "{from: any, to: disqualified",
        "{from: [mql, customer], to: disqualified",
        "transitions.2.from.1",
        "terminal",
    ),
    (
        "lifecycle",
        "{account.fit: D}",
        "{account.fit: {lt: 2}}",
        "transitions.7.when.any.2.account.fit.lt",
        "cannot be asked",
    ),
    ("lifecycle", "{account.fit: D}", "{account.fit: E}", "transitions.7.when.any.2.account.fit", "unknown value"),
    ("lifecycle", "bants.need: 'yes'", "bants.needs: 'yes'", "transitions.9.when.bants.needs", "bants.need"),
    ("lifecycle", "bants.need: 'yes'", "bants.need: true", "transitions.9.when.bants.need", "quotes"),
    ("lifecycle", "{rejected: true}", "{rejected: {gte: 1}}", "transitions.4.when.rejected.gte", "true or false"),
    ("lifecycle", "cool_off: 60d", "cool_off: 2 months", "transitions.4.cool_off", "duration"),
    ("lifecycle", "approved_on: null", "approved_on: 20260105", "definition.approved_on", "day"),
    ("lifecycle", "on: true,", "on: yes,", "human_gate.on", "true or false"),
    ("lifecycle", "version: 1", "version: true", "definition.version", "whole number"),
    ("lifecycle", "version: 1", "versoin: 1", "definition.versoin", "did you mean version"),
    # routing
    (
        "routing",
        "to: sdr, task: {subject: 'Call {first_name}: asked",
        "to: sdrs, task: {subject: 'Call {first_name}: asked",
        "fast_lane.0.to",
        "did you mean sdr",
    ),
    ("routing", "Perfect fit: {company}", "Perfect fit: {firm}", "personas.0.task.subject", "unknown word"),
    ("routing", "Perfect fit: {company}", "Perfect fit: {company", "personas.0.task.subject", "braces"),
    ("routing", "Perfect fit: {company}", "Perfect fit: {company!r}", "personas.0.task.subject", "format"),
    ("routing", "grade: A1, role", "grade: A5, role", "personas.0.when.grade", "unknown value"),
    ("routing", "grade: A1, role", "garde: A1, role", "personas.0.when.garde", "did you mean grade"),
    ("routing", "on_enter: mql", "on_enter: mqll", "stage_tasks.0.on_enter", "did you mean mql"),
    ("routing", "id: new-mql", "id: perfect-lead", "stage_tasks.0.id", "taken"),
    ("routing", "fallback: {queue: Unassigned}", "fallback: {pool: sdr_dach}", "pools.sdr.fallback", "circle"),
    ("routing", "fallback: {queue: Unassigned}", "fallback: {pool: nobody}", "pools.sdr.fallback.pool", "unknown pool"),
    ("routing", "fallback: {queue: Unassigned}", "fallback: {queue: a, user: b}", "pools.sdr.fallback", "exactly one"),
    ("routing", "hours: 'Mon-Fri 09:00-17:00 Europe/Berlin'", "hours: 'Mon-Fri 9-17'", "pools.sdr.hours", "no hours"),
    (
        "routing",
        "hours: 'Mon-Fri 09:00-17:00 Europe/Berlin'",
        "hours: 'Mon-Fri 09:00-17:00 Europe/Bonn'",
        "pools.sdr.hours",
        "time zone",
    ),
    (
        "routing",
        "hours: 'Mon-Fri 09:00-17:00 Europe/Berlin'",
        "hours: 'Mon-Fry 09:00-17:00'",
        "pools.sdr.hours",
        "no day",
    ),
    (
        "routing",
        "hours: 'Mon-Fri 09:00-17:00 Europe/Berlin'",
        "hours: 'Mon-Fri 17:00-09:00'",
        "pools.sdr.hours",
        "before it begins",
    ),
    ("routing", "  - {to: sdr}", "  - {when: {country: DE}, to: sdr}", "assign.2", "everybody"),
    ("routing", "{user: rep2@corp.example}", "{user: Rep1@corp.example}", "pools.sdr.members.1.user", "twice"),
    ("routing", "due: 5m", "due: soon", "fast_lane.0.task.due", "duration"),
    ("routing", "automation_users: []", "automation_user: []", "automation_user", "did you mean automation_users"),
    # not part of this version
    ("routing", "automation_users: []", "notify: {email: [a@b.example]}", "notify", "not part of this version"),
    (
        "routing",
        "automation_users: []",
        "sla: {mql: {first_touch: 4h}, attempts_before_recycle: 6}",
        "sla.attempts_before_recycle",
        "not part of this version",
    ),
    (
        "routing",
        "{id: perfect-lead, ",
        "{marketing: {list: x, within: 3d}, id: perfect-lead, ",
        "personas.0.marketing",
        "not part of this version",
    ),
    ("routing", "automation_users: []", "sla: {mgl: {first_touch: 4h}}", "sla.mgl", "unknown stage"),
    ("routing", "automation_users: []", "sla: {attempts: 6}", "sla.attempts", "attempts_before_recycle"),
    # fields and matching
    ("fields", "{from: score.total}", "{from: score.totals}", "crm.person.Handoff_Score__c.from", "score.total"),
    ("fields", "{from: account.score}", "{from: score.total}", "crm.account.Handoff_Account_Score__c.from", "unknown"),
    (
        "fields",
        "{from: person.title, write: if_blank}",
        "{from: person.titel, write: if_blank}",
        "crm.person.Title.from",
        "person.title",
    ),
    ("fields", "{from: person.title, write: if_blank}", "{from: person.title}", "crm.person.Title", "if_blank"),
    ("fields", "{from: stage}", "{from: stage, write: if_blank}", "crm.person.Handoff_Stage__c.write", "always"),
    ("fields", "channel: {hubspot", "grade: {hubspot", "person.grade", "meaning of its own"),
    ("fields", "channel: {hubspot", "Channel: {hubspot", "person.Channel", "lower-case"),
    ("fields", "hubspot: hs_analytics_source", "type: text", "person.channel", "nowhere"),
    ("fields", "hubspot: hs_analytics_source", "hubspot: 5", "person.channel.hubspot", "put 5 in quotes"),
    ("fields", "[fast_lane, sales]", "[fastlane, sales]", "create.when.disposition.in.0", "did you mean fast_lane"),
    (
        "lifecycle",
        "{from: mql, to: accepted",
        "{from: mql, from_: mql, to: accepted",
        "transitions.8.from_",
        "unknown key",
    ),
    ("matching", "review: 0.75", "review: 0.95", "account.tiers.2.review", "above accept"),
    ("matching", "{by: link}", "{by: name}", "account.tiers.2.by", "twice"),
    ("matching", "[crm_id, source_id, email]", "[crm_id, e-mail]", "person.keys.1", "none of"),
    ("matching", "accept: 0.92", "accept: 92", "account.tiers.2.accept", "less than or equal"),
]


#: faults whose place is not where the text was changed, but where the thing they are about stands
FAR = {"gap", "without a win", "row D is missing"}


@pytest.mark.parametrize(("word", "old", "new", "key", "message"), CASES, ids=lambda value: None)
def test_refused_at_its_line(word, old, new, key, message):
    problems, line = problems_after(word, old, new)
    assert len(problems) == 1, "\n".join(map(str, problems))
    problem = problems[0]
    assert (problem.file, problem.key) == (f"{word}.yaml", key)
    assert message in problem.message
    lines = STARTER[word].replace(old, new, 1).splitlines()
    if message not in FAR:
        assert line <= problem.line <= line + new.count("\n") + 1
    assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


def test_the_line_and_column_are_those_of_the_value():
    problems, line = problems_after("lifecycle", "terminal: [customer]", "terminal: [costumer]")
    assert (problems[0].line, problems[0].column) == (line, len("terminal: [") + 1)
    assert str(problems[0]).startswith(f"lifecycle.yaml:{line}:12: terminal.0: unknown stage costumer; did you mean")


@pytest.mark.parametrize(
    ("word", "old", "new"),
    [("lifecycle", "[customer]", "[costumer]"), ("scoring", "points: 12", "points: 1200")],
)
def test_the_documented_output_is_the_real_one(word, old, new):
    readme = (Path(__file__).parents[2] / "docs/mapping/README.md").read_text(encoding="utf-8")
    documented = next(line for line in readme.splitlines() if line.startswith(f"mappings/default/{word}.yaml:"))
    problems, _ = problems_after(word, old, new)
    assert f"mappings/default/{problems[0]}".startswith(documented.removesuffix("…").rstrip())


def test_a_stage_that_only_disqualification_leaves_is_a_dead_end():
    text = STARTER["lifecycle"].replace("{from: any, to: customer", "{from: opportunity, to: customer")
    text = text.replace("  - {from: disqualified, to: nurture", "  # - {from: disqualified, to: nurture")
    problems = check_texts({**{word: text.encode() for word, text in STARTER.items()}, "lifecycle": text.encode()})
    assert [(problem.key, "dead end" in problem.message) for problem in problems] == [("stages.8", True)]


def test_the_starter_has_no_problems():
    assert check_texts({word: text.encode() for word, text in STARTER.items()}) == []


def test_all_problems_of_all_files_at_once_and_sorted(tmp_path):
    changes = [
        ("scoring", "points: 12", "points: 1200"),
        ("scoring", "group: content", "group: contents"),
        ("lifecycle", "terminal: [customer]", "terminal: [costumer]"),
        ("routing", "due: 5m", "due: soon"),
        ("routing", "on_enter: mql", "on_enter: mqll"),
        ("routing", "automation_users: []", "automation_users: []\nautomation_users: []"),
        ("fields", "{from: score.total}", "{from: score.totals}"),
        ("matching", "{by: link}", "{by: lnk}"),
    ]
    texts = dict(STARTER)
    for word, old, new in changes:
        texts[word] = texts[word].replace(old, new, 1)
    for word, text in texts.items():
        (tmp_path / f"{word}.yaml").write_text(text)
    with pytest.raises(MappingError) as caught:
        load_mappings(tmp_path)
    problems = caught.value.problems
    assert problems == sorted(problems) == check_mappings(tmp_path)
    assert [(problem.file.removeprefix(f"{tmp_path}/"), problem.key) for problem in problems] == [
        ("fields.yaml", "crm.person.Handoff_Score__c.from"),
        ("lifecycle.yaml", "terminal.0"),
        ("matching.yaml", "account.tiers.0.by"),
        ("routing.yaml", "fast_lane.0.task.due"),
        ("routing.yaml", "stage_tasks.0.on_enter"),
        ("routing.yaml", "automation_users"),
        ("scoring.yaml", "dimensions.interest.rules.0.points"),
        ("scoring.yaml", "dimensions.interest.rules.4.group"),
    ]
    assert caught.value.exit_code == 2
    assert str(caught.value) == "\n".join(map(str, problems))


def test_missing_files_and_folders(tmp_path):
    assert [problem.key for problem in check_mappings(tmp_path / "nowhere")] == ["file"] * 5
    (tmp_path / "fields.yaml").mkdir()
    assert "cannot be read" in check_mappings(tmp_path)[0].message


def test_the_digest_is_that_of_the_bytes(tmp_path):
    for word, text in STARTER.items():
        (tmp_path / f"{word}.yaml").write_text(text)
    first = load_mappings(tmp_path).digest
    assert load_mappings(tmp_path).digest == first
    (tmp_path / "routing.yaml").write_text(STARTER["routing"] + "# a comment\n")
    assert load_mappings(tmp_path).digest != first
