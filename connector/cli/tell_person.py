"""One explained person, for a terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from connector.cli.explained_words import about, basis, changed, facts
from connector.cli.waterfall import steps_of
from connector.cli.waterfall_text import waterfall
from connector.domain.spans import span_in_words

#: channels as people say them
_CHANNELS = {"call": "to be called", "email": "e-mail"}


def tell_person(screen: Console, document: dict[str, Any]) -> None:
    """Tell who it is, which account, every line of the score, the stage, the work, the story."""
    if document["kind"] == "account":
        _tell_account(screen, document)
        return
    identity, match, stage = document["identity"], document["match"], document["stage"]
    screen.print(about(document), style="bold")
    screen.print(f"  {basis(document)}")
    screen.print(f"  person {document['person_id']}, CRM record {identity['crm_record'] or 'none'}")
    if identity["in_review"]:
        screen.print("  several CRM records could be this person: waiting for an answer, nothing is written")
    for record in identity["records"]:
        joined = "named after it" if record["joined_by"] == "subject" else f"joined by {record['joined_by']}"
        screen.print(f"    {record['record']}: {joined}{' to ' + record['to'] if record['to'] else ''}")
    for review in identity["reviews"]:
        screen.print(f"    open question {review}: `handoff review show {review}`")
    for given in identity["answers"]:
        meant = f" {given['candidate']}" if given["candidate"] else ""
        screen.print(f"    answered {given['review']}: {given['answer']}{meant}, by {given['by']} {given['at']}")
    account = f"{match['account_name']} ({match['account_id']})" if match["account"] == "matched" else match["account"]
    if match["account"] == "review":
        account += f": perhaps {match['account_id']}"
    how = f", by {match['method']}, {match['confidence']:.0%} sure" if match["method"] != "none" else ""
    evidence = f": {match['evidence']}" if match["evidence"] else ""
    beside = f"; next best {match['runner_up']}" if match["runner_up"] else ""
    screen.print(f"  account: {account}{how}{evidence}{beside}")
    for move in match["moves"]:
        screen.print(f"    {move['at'][:16]} {move['from'] or 'none'} → {move['to'] or 'none'}: {move['cause']}")
    _tell_number(screen, document)
    since = f" since {stage['since'][:16]}" if stage["since"] else ""
    screen.print(f"  stage {stage['stage']}{since} (entry {stage['entry']}), now {stage['disposition']}")
    for move in stage["moves"]:
        why = f": {move['because']}" if move["because"] else ""
        screen.print(f"    {move['at'][:16]} {move['from_stage']} → {move['to_stage']}{why}")
    _tell_work(screen, document)
    _tell_story(screen, document)


def _tell_work(screen: Console, document: dict[str, Any]) -> None:
    """Tell how they may be reached, whose they are, and what there is to do."""
    for channel, said in document["opt_out"].items():
        if said["closed"]:
            screen.print(f"  does not want {_CHANNELS[channel]}: {', '.join(said['by'])}")
    screen.print(f"  owner: {document['owner'] or 'none'}")
    for task in document["tasks"]:
        screen.print(
            f"  task: {task['subject']} ({task['rule']}), {task['owner']}, due {task['due']}, {task['status']}"
        )
    for took in document["task_times"]:
        span = span_in_words(timedelta(seconds=took["seconds"]))
        screen.print(f"  {took['rule']}: {took['event'][:19]}, task in the CRM {took['task'][:19]}, {span}")


def _tell_story(screen: Console, document: dict[str, Any]) -> None:
    """Tell what they did lately, and what machines did in their name."""
    for event in document["timeline"][:10]:
        what = " ".join(str(event[key]) for key in ("path", "form", "asset", "subject") if event.get(key))
        machine = ": by a machine, counts for nothing" if event.get("quarantined") else ""
        screen.print(f"    {event['occurred_at'][:16]} {event['type']} {what} [{event['system']}]{machine}")
    for event in document["quarantine"][:10]:
        said = event["answer"]
        by = f" by {said['by']}" if said is not None and event["state"] == "released" else ""
        about = f"{event['type']} {event['occurred_at'][:16]}: {event['evidence']['words']}"
        screen.print(f"  {event['state']}{by}: {about} (`handoff quarantine show {event['event'].split(':', 2)[-1]}`)")


def _tell_number(screen: Console, document: dict[str, Any]) -> None:
    """Tell the number: what it means, its lines as a waterfall, what changed since it was written."""
    for line in facts(document):
        screen.print(f"  {line}")
    screen.print(Padding(waterfall(screen, steps_of(document)), (1, 0, 1, 4), expand=False))
    told = changed(document)
    if told is None:
        return
    caption, rows = told
    screen.print(f"  changed: {caption}")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for justify in ("left", "right", "left", "right", "left"):
        table.add_column(justify=justify)
    for name, before, after, why in rows:
        table.add_row(name, before, "→" if before or after else "", after, why)
    screen.print(Padding(table, (0, 0, 1, 4), expand=False))


def _tell_account(screen: Console, document: dict[str, Any]) -> None:
    screen.print(about(document), style="bold")
    screen.print(f"  {basis(document)}")
    _tell_number(screen, document)
    for person in document["people"]:
        who = ", ".join(part for part in (person["name"] or person["person_id"], person["title"]) if part)
        numbers = f"{person['score.total']} {person['grade']} {person['stage']}"
        screen.print(f"    {person['person_id']} {who}, {person['role']}: {numbers}")
