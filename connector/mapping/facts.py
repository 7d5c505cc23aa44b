"""Which facts a condition may name, by where it stands, and which operators each kind of fact takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from connector.domain.records import ACCOUNT_COLUMNS, PERSON_COLUMNS
from connector.mapping.fields import FactLine, ValueType

Kind = Literal["text", "number", "truth", "instant", "letter", "word", "crm"]

_EQUALITY = frozenset({"is", "is_not", "in", "not_in"})
_TEXT = frozenset({"contains", "starts_with", "matches"})
_ORDER = frozenset({"gt", "gte", "lt", "lte", "between"})
#: operators by kind of fact; a ``letter`` is a grade, a ``word`` a stage, a verdict: one of a few, and never a measure
OPERATORS_OF: Mapping[Kind, frozenset[str]] = {
    "text": _EQUALITY | _TEXT | _ORDER | {"known", "within"},
    "number": _EQUALITY | _ORDER | {"known"},
    "truth": _EQUALITY | {"known"},
    "instant": _EQUALITY | {"known", "within"},
    "letter": _EQUALITY,
    "word": _EQUALITY | {"known"},
    "crm": _EQUALITY | _TEXT | _ORDER | {"known", "within"},
}


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one fact.

    Attributes:
        kind: how its values are compared.
        words: for a letter or word, every value it can have; empty when they are not fixed here.
    """

    kind: Kind
    words: tuple[str, ...] = ()


_KINDS: Mapping[ValueType, Kind] = {
    "text": "text",
    "integer": "number",
    "number": "number",
    "boolean": "truth",
    "date": "instant",
    "datetime": "instant",
}
_NUMBER_COLUMNS = frozenset({"employees", "revenue"})
_INSTANT_COLUMNS = frozenset({"created_at", "updated_at"})
LETTERS = ("A", "B", "C", "D")
GRADES = tuple(letter + str(number) for letter in LETTERS for number in (1, 2, 3, 4))

#: what an activity carries; interest rules and the fast lane see these
ACTIVITY_FACTS: dict[str, Fact] = {
    name: Fact("text") for name in ("url", "path", "asset", "form", "campaign", "value", "subject")
}

STAGES = ("awareness", "consideration", "decision")
#: whether somebody at an account with a role is engaged, known, or nobody has it
ROLE_STATE = Fact("word", ("engaged", "known", "missing"))
#: what interest rules see besides
INTEREST_FACTS: dict[str, Fact] = ACTIVITY_FACTS | {"asset_stage": Fact("word", STAGES)}

#: what scoring and the stage machine say of a person
PERSON_RESULTS: dict[str, Fact] = {
    "verdict": Fact("word", ("sales", "review", "nurture", "disqualified")),
    "disposition": Fact("word", ("fast_lane", "sales", "review", "nurture", "disqualified")),
    "grade": Fact("letter", GRADES),
    "role": Fact("word", ("decider", "influencer", "other")),
    "stage": Fact("word"),
    "fit": Fact("letter", LETTERS),
    "interest": Fact("number"),
    "score.total": Fact("number"),
    "score.fit": Fact("number"),
    "score.interest": Fact("number"),
    "score.qualification": Fact("number"),
    "buying_stage": Fact("word", STAGES),
    "too_hot": Fact("truth"),
    "early_alert": Fact("truth"),
    "declared_differs": Fact("text"),
    "bants.confirmed": Fact("number"),
    "opt_out.call": Fact("truth"),
    "opt_out.email": Fact("truth"),
    "rejected": Fact("truth"),
    "human.touched": Fact("truth"),
    "crm.open_opportunity": Fact("truth"),
    "crm.opportunity_won": Fact("truth"),
    "crm.opportunity_lost": Fact("truth"),
}
#: what matching and scoring say of a person's account
ACCOUNT_RESULTS: dict[str, Fact] = {
    "account": Fact("word", ("matched", "review", "none")),
    "account.fit": Fact("letter", LETTERS),
    "account.owner": Fact("word", ("active", "inactive", "none")),
    "account.score": Fact("number"),
    "account.grade": Fact("letter", GRADES),
    "account.engaged_people": Fact("number"),
    "account.ready": Fact("truth"),
    "account.buying_stage": Fact("word", STAGES),
    "account.too_hot": Fact("truth"),
    "account.early_alert": Fact("truth"),
    "account.open_opportunity": Fact("truth"),
    "account.customer": Fact("truth"),
    "account.news": Fact("truth"),
    "account.decider": ROLE_STATE,
    "account.influencer": ROLE_STATE,
}


def _account_results_but(*names: str) -> dict[str, Fact]:
    return {name: fact for name, fact in ACCOUNT_RESULTS.items() if name not in names}


#: what a further model says of a person, as ``score.NAME.…``
FURTHER_RESULTS: dict[str, Fact] = {
    "total": Fact("number"),
    "fit": Fact("number"),
    "interest": Fact("number"),
    "qualification": Fact("number"),
    "grade": Fact("letter", GRADES),
    "verdict": PERSON_RESULTS["verdict"],
    "buying_stage": Fact("word", STAGES),
}
#: what ``account.ready_when`` sees besides the account's own facts; fit and score are the account's, in points
READY_FACTS: dict[str, Fact] = {
    "score": Fact("number"),
    "fit": Fact("number"),
    "grade": Fact("letter", GRADES),
    "engaged_people": Fact("number"),
} | _account_results_but("account", "account.owner", "account.ready", "account.news")
#: what an example in scoring.yaml may expect; the dimensions are numbers there
EXPECTED_FACTS: dict[str, Fact] = {
    "fit": Fact("number"),
    "fit_low": Fact("number"),
    "fit_high": Fact("number"),
    "interest": Fact("number"),
    "qualification": Fact("number"),
    "total": Fact("number"),
    "score.total": Fact("number"),
    "grade": PERSON_RESULTS["grade"],
    "verdict": PERSON_RESULTS["verdict"],
    "role": PERSON_RESULTS["role"],
    "buying_stage": Fact("word", STAGES),
    "disqualified_because": Fact("text"),
    "deciding_fact": Fact("text"),
    "too_hot": Fact("truth"),
    "too_hot_count": Fact("number"),
    "too_hot_rules": Fact("text"),
    "early_alert": Fact("truth"),
    "early_alert_rules": Fact("text"),
    "declared_differs": Fact("text"),
    "account.deciding_fact": Fact("text"),
} | _account_results_but("account", "account.owner")
ANSWERS = ("yes", "no", "unknown")

#: results that a CRM field of a lead or contact may show, beside ``person.FACT``
PERSON_SOURCES: tuple[str, ...] = (
    "score.total",
    "score.grade",
    "score.reasons",
    "score.fit",
    "score.interest",
    "score.qualification",
    "score.date",
    "verdict",
    "disposition",
    "role",
    "buying_stage",
    "deciding_fact",
    "too_hot",
    "too_hot_since",
    "too_hot_rules",
    "early_alert",
    "early_alert_since",
    "early_alert_rules",
    "declared_differs",
    "stage",
    "stage_entry",
    "match.method",
    "match.confidence",
    "match.reason",
    "opt_out.call",
    "opt_out.email",
)
#: results that boxes of people show: they are ticked by us and never unticked
TICKED_SOURCES: frozenset[str] = frozenset({"opt_out.call", "opt_out.email"})
#: results whose column in the engine has another name
SOURCE_COLUMNS: Mapping[str, str] = {
    "match.method": "match_method",
    "match.confidence": "match_confidence",
    "match.reason": "match_evidence",
}
#: results that a CRM field of an account may show
ACCOUNT_SOURCES: tuple[str, ...] = (
    "account.score",
    "account.grade",
    "account.fit",
    "account.engaged_people",
    "account.roles",
    "account.ready",
    "account.buying_stage",
    "account.deciding_fact",
    "account.too_hot",
    "account.too_hot_since",
    "account.early_alert",
    "account.early_alert_since",
    "account.open_opportunity",
    "account.customer",
    "account.news",
)
#: what the engine itself knows of a person beside facts; a fact of that name would be hidden by it
ENGINE_COLUMNS: frozenset[str] = frozenset(
    {
        *("subject", "kept_subject", "record", "crm_object", "crm_deleted", "erased", "baseline", "shown", "entered"),
        *("owner_id", "account_id", "account_owner_id", "link_account_id", "runner_up", "match_method"),
        *(
            "match_confidence",
            "match_evidence",
            "match_review",
            "person_review",
            "in_review",
            "may_create",
            "fast_lane",
        ),
        *("stage_since", "stage_entry", "cool_off_until", "touch_due", "reasons_key", "top_reason"),
        "deciding_fact",
        *("disqualified_because", "buying_stage", "human_last", "rejected_at", "rejection", "open_opportunity"),
        *("won_opportunity", "lost_at", "kept_account", "remembered"),
        *("too_hot_since", "too_hot_count", "too_hot_rules", "early_alert_since", "early_alert_rules"),
    }
)
#: names that a line of fields.yaml cannot take, because they have another meaning in conditions or in the engine
RESERVED: frozenset[str] = (
    ENGINE_COLUMNS
    | frozenset(
        {
            "any",
            "all",
            "not",
            "domain",
            "score",
            "human",
            "bants",
            "crm",
            "person",
            "qualification",
            "person_id",
            "opt_out",
        }
        | {"points", "count", "declared"}
    )
    | {name for name in (*PERSON_RESULTS, *ACCOUNT_RESULTS) if "." not in name}
)


def further_facts(names: Iterable[str]) -> dict[str, Fact]:
    """List what further models of these names say of a person."""
    return {f"score.{name}.{word}": fact for name in names for word, fact in FURTHER_RESULTS.items()}


def facts_of_rules(ids: Iterable[str]) -> dict[str, Fact]:
    """List what single rules say: ``points.RULE`` and ``count.RULE``."""
    return {f"{word}.{id_}": Fact("number") for id_ in ids for word in ("points", "count")}


def _columns(names: tuple[str, ...], prefix: str = "") -> dict[str, Fact]:
    return {
        prefix + name: Fact("number" if name in _NUMBER_COLUMNS else "instant" if name in _INSTANT_COLUMNS else "text")
        for name in names
    }


def person_facts(lines: Mapping[str, FactLine]) -> dict[str, Fact]:
    """List what is known of a person: standard columns, ``domain``, and the lines of fields.yaml."""
    mapped = {name: Fact(_KINDS[line.type]) for name, line in lines.items()}
    # a line that only adds a source to a standard column keeps the column's own kind
    return mapped | {"domain": Fact("text")} | _kept(_columns(PERSON_COLUMNS), lines)


def account_facts(lines: Mapping[str, FactLine]) -> dict[str, Fact]:
    """List what is known of an account as ``account.NAME``: standard columns and the lines of fields.yaml."""
    mapped = {f"account.{name}": Fact(_KINDS[line.type]) for name, line in lines.items()}
    return mapped | {f"account.{key}": fact for key, fact in _kept(_columns(ACCOUNT_COLUMNS), lines).items()}


def _kept(columns: dict[str, Fact], lines: Mapping[str, FactLine]) -> dict[str, Fact]:
    return {name: fact for name, fact in columns.items() if name not in lines or lines[name].type == "text"}
