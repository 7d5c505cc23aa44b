"""``review``: work the list of questions about who is who and which account, and take answers back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from connector.bootstrap import lake_folder, open_house, open_state, read_settings_of_state, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from connector.cli.output import console, emit
from connector.cli.running import who
from connector.errors import ConfigError, Refused
from connector.lake.reading import Lake
from connector.mapping.load import load_mappings
from connector.mapping.settings import Settings
from connector.matching import shared_in
from connector.pipeline.explain.acquaintance import known_of
from connector.pipeline.explain.asked_in_review import AskedInReview, asked_in_review
from connector.pipeline.turn import cycle_clock
from connector.ports.store import Review, Store

#: how many questions the list shows unless asked for more
_SHOWN = 50

review = typer.Typer(
    help="Questions only a person can answer: list, show, accept, reject, reopen.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="of the question, from `review list`")]
Which = Annotated[
    str | None, typer.Argument(metavar="[CANDIDATE]", help="its number in the list, its id, or system:object:id")
]
Kind = Annotated[Literal["person", "account", "all"], typer.Option("--kind", help="who is who, or which account")]
State = Annotated[Literal["open", "accepted", "rejected", "all"], typer.Option("--state", help="which questions")]


@review.command("list")
def list_reviews(
    kind: Kind = "all",
    state: State = "open",
    limit: Annotated[int, typer.Option("--limit", min=1, help="at most so many")] = _SHOWN,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """List questions with candidates and evidence: first of people who wait to be called, else oldest first."""
    settings = read_settings_of_state(config)
    with open_state(settings) as store:
        found = store.knowledge.reviews(None if state == "all" else state)
        wanted = [one for one in found if kind in ("all", one.kind)]
        asked = _asked(settings, store, wanted)
    wanted.sort(key=lambda one: (one.id not in asked, asked[one.id].at if one.id in asked else one.opened_at))
    documents = [
        _document(one) | {"asked": asked[one.id]._asdict() if one.id in asked else None} for one in wanted[:limit]
    ]
    shared = shared_in(one for one in wanted if one.state == "open")
    if as_json:
        suspects = [each._asdict() for each in shared]
        emit({"reviews": documents, "total": len(wanted), "suspect_domains": suspects})
        return 0
    screen = console()
    if not wanted:
        screen.print("no questions" if state != "open" else "no open questions")
    for document in documents:
        _tell(screen, document)
    if len(wanted) > limit:
        screen.print(f"and {len(wanted) - limit:,} more: --limit {len(wanted)}")
    for each in shared[:_SHOWN]:
        questions = "1 question" if each.questions == 1 else f"{each.questions:,} questions"
        screen.print(f"{each.domain}: {questions}, for {each.because}; if it is shared, list it in shared_domains")
    return 0


@review.command("show")
def show_review(review_id: Id, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """Show one question with what is known of each candidate: names, addresses, companies, dates."""
    with open_house(config) as house:
        one = _find(house.store, review_id)
        document = _document(one)
        engine = house.engine
        lake = Lake(engine.lake_root, house.store.manifest)
        known = known_of(
            [candidate["candidate"] for candidate in document["candidates"]],
            lake,
            engine.traits(),
            engine.crm.traits(),
            as_of=utc_now(),
        )
    for candidate in document["candidates"]:
        candidate["known"] = known.get(candidate["candidate"], {})
    if as_json:
        emit(document)
    else:
        _tell(console(), document)
    return 0


@review.command("accept")
def accept_review(
    review_id: Id, candidate: Which = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False
) -> int:
    """Say yes: it is this candidate; the next cycle uses the answer."""
    return _answer(review_id, candidate, "accepted", config, as_json=as_json)


@review.command("reject")
def reject_review(
    review_id: Id, candidate: Which = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False
) -> int:
    """Say no: to this candidate, or to all; the question is not asked again."""
    return _answer(review_id, candidate, "rejected", config, as_json=as_json)


@review.command("reopen")
def reopen_review(review_id: Id, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """Take an answer back: what it joined parts at the next cycle, and the question is asked again."""
    now = utc_now()
    with open_state(read_settings_of_state(config)) as store:
        one = _find(store, review_id)
        taken = one.state != "open" and store.knowledge.reopen_review(review_id, who=who(), at=now)
    if as_json:
        emit({"review": review_id, "state": "open", "was": one.state, "changed": taken})
    else:
        console().print(f"{review_id} is open again; it was {one.state}" if taken else f"{review_id} is open already")
    return 0


def _answer(
    review_id: str, candidate: str | None, state: Literal["accepted", "rejected"], config: Any, *, as_json: bool
) -> int:
    now, me = utc_now(), who()
    with open_state(read_settings_of_state(config)) as store:
        one = _find(store, review_id)
        answer = _meant(one, candidate, state)
        if one.state == "open" and not store.knowledge.answer_review(
            review_id, state=state, answer=answer, who=me, at=now
        ):
            one = _find(store, review_id)  # somebody else was faster
        already = one.state != "open"
    if already and (one.state, one.answer) != (state, answer):
        at = "" if one.answered_at is None else f" on {one.answered_at:%Y-%m-%d %H:%M} UTC"
        what = f"{one.state} {one.answer}".strip()
        raise Refused(
            "review.answered",
            f"{one.answered_by} has answered this question{at}: {what}",
            cure=f"`handoff review reopen {review_id}` takes the answer back",
        )
    by, since = (one.answered_by, one.answered_at) if already else (me, now)
    if as_json:
        emit({"review": review_id, "state": state, "answer": answer, "by": by, "at": since, "already": already})
    else:
        what = f"{state} {answer}".strip()
        console().print(f"{review_id}: {what}" + (f" already, by {by}" if already else "; the next cycle uses it"))
    return 0


def _asked(settings: Settings, store: Store, reviews: Sequence[Review]) -> dict[str, AskedInReview]:
    """Say whose question keeps sales from hearing of them, by the question's id."""
    if not any(one.state == "open" for one in reviews):
        return {}
    lake = Lake(lake_folder(settings.lake), store.manifest)
    systems = [one.name for one in settings.sources]
    return asked_in_review(
        reviews, store, lake, load_mappings(settings.mappings), systems, as_of=cycle_clock(store, None)
    )


def _find(store: Store, review_id: str) -> Review:
    """Give the question.

    Raises:
        ConfigError: there is none of that id.
    """
    for one in store.knowledge.reviews():
        if one.id == review_id:
            return one
    raise ConfigError(
        "review.unknown",
        f"there is no question {review_id}; one that has answered itself is gone",
        cure="`handoff review list` gives the ids",
    )


def _meant(one: Review, candidate: str | None, state: str) -> str:
    """Say in the words of the state which candidate is meant; empty where the answer is about all.

    Raises:
        ConfigError: the question has no such candidate, or one must be named.
    """
    items = json.loads(one.candidates)
    names = [item.get("ref") or item["account_id"] for item in items]
    if candidate is None:
        if state == "rejected" or items[0].get("same"):
            return ""
        if one.kind == "account" or len(names) == 1:
            return str(names[0])
        raise ConfigError(
            "review.which",
            f"the question has {len(names)} candidates",
            cure=f"name one: `handoff review accept {one.id} 1` is {names[0]}",
        )
    if items[0].get("same"):
        raise ConfigError(
            "review.no_choice",
            "the question is whether all of these are one person",
            cure=f"`handoff review {'accept' if state == 'accepted' else 'reject'} {one.id}`, without a candidate",
        )
    for place, name in enumerate(names, 1):
        if candidate in (str(place), name, name.rsplit(":", 1)[-1]):
            return str(name)
    raise ConfigError(
        "review.candidate",
        f"the question has no candidate {candidate}",
        cure="its candidates are " + ", ".join(f"{place} = {name}" for place, name in enumerate(names, 1)),
    )


def _document(one: Review) -> dict[str, Any]:
    items = json.loads(one.candidates)
    if one.kind == "account":
        question = "which account does this person belong to?"
    elif items[0].get("same"):
        question = "are these one person?"
    elif items[0]["person"]:
        question = f"which of these is {items[0]['person']}?"
    else:
        question = "these CRM records seem to be one person: which one is to be written?"
    return {
        "id": one.id,
        "kind": one.kind,
        "state": one.state,
        "question": question,
        "person_id": one.person_id,
        "opened_at": one.opened_at,
        "answer": one.answer or None,
        "answered_by": one.answered_by,
        "answered_at": one.answered_at,
        "candidates": [
            {"number": place, "candidate": item.get("ref") or item["account_id"]}
            | {
                key: item[key]
                for key in ("method", "confidence", "evidence", "created_at")
                if item.get(key) is not None
            }
            for place, item in enumerate(items, 1)
        ],
    }


def _tell(screen: Console, document: dict[str, Any]) -> None:
    screen.print(f"{document['id']}  {document['kind']}: {document['question']}", style="bold")
    screen.print(f"  person {document['person_id']}, asked {document['opened_at']:%Y-%m-%d}")
    if asked := document.get("asked"):
        since = f"{asked['rule']} of {asked['at']:%Y-%m-%d %H:%M} UTC"
        waits = f"  waits to be called ({since}): no task before this is answered"
        screen.print(waits, style="yellow")
    if document["answered_by"]:
        word = "taken back" if document["state"] == "open" else document["state"]
        answer = f" {document['answer']}" if document["state"] != "open" and document["answer"] else ""
        screen.print(f"  {word}{answer} by {document['answered_by']}, {document['answered_at']:%Y-%m-%d %H:%M} UTC")
    for candidate in document["candidates"]:
        sure = f", {candidate['confidence']:.0%} sure" if "confidence" in candidate else ""
        method = f", by {candidate['method']}" if "method" in candidate else ""
        since = f", since {candidate['created_at'][:10]}" if "created_at" in candidate else ""
        screen.print(f"  {candidate['number']}. {candidate['candidate']}{method}{sure}{since}")
        if words := _words(candidate.get("evidence")):
            screen.print(f"       because {words}")
        for name, value in candidate.get("known", {}).items():
            screen.print(f"       {name}: {value}")


def _words(evidence: Any) -> str:
    """Write evidence for a reader: a text as it is, keys with whom they are shared."""
    if isinstance(evidence, str) or not evidence:
        return evidence or ""
    return "; ".join(f"{item['key']} as {item['with']}" if "with" in item else str(item["key"]) for item in evidence)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(review, name="review")
