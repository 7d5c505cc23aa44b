"""One explained person, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def tell_person(screen: Console, document: dict[str, Any]) -> None:
    """Tell who it is, which account, every line of the score, the stage, the work, the story."""
    if document["kind"] == "account":
        _tell_account(screen, document)
        return
    identity, match, stage = document["identity"], document["match"], document["stage"]
    name = identity["name"] or identity["email"] or document["person_id"]
    about = ", ".join(part for part in (name, identity["title"], identity["company"]) if part)
    screen.print(about, style="bold")
    screen.print(f"  person {document['person_id']}, CRM record {identity['crm_record'] or 'none'}")
    if identity["in_review"]:
        screen.print("  several CRM records could be this person: waiting for an answer, nothing is written")
    for record in identity["records"]:
        joined = "named after it" if record["joined_by"] == "subject" else f"joined by {record['joined_by']}"
        screen.print(f"    {record['record']}: {joined}{' to ' + record['to'] if record['to'] else ''}")
    for review in identity["reviews"]:
        screen.print(f"    open question {review}: `handoff review show {review}`")
    for given in identity["answers"]:
        about = f" {given['candidate']}" if given["candidate"] else ""
        screen.print(f"    answered {given['review']}: {given['answer']}{about}, by {given['by']} {given['at']}")
    account = f"{match['account_name']} ({match['account_id']})" if match["account"] == "matched" else match["account"]
    if match["account"] == "review":
        account += f": perhaps {match['account_id']}"
    how = f", by {match['method']}, {match['confidence']:.0%} sure" if match["method"] != "none" else ""
    evidence = f": {match['evidence']}" if match["evidence"] else ""
    beside = f"; next best {match['runner_up']}" if match["runner_up"] else ""
    screen.print(f"  account: {account}{how}{evidence}{beside}")
    for move in match["moves"]:
        screen.print(f"    {move['at'][:16]} {move['from'] or 'none'} → {move['to'] or 'none'}: {move['cause']}")
    _tell_score(screen, document["score"], in_crm=identity["crm_record"] is not None)
    screen.print(
        f"  stage {stage['stage']} since {stage['since']} (entry {stage['entry']}), now {stage['disposition']}"
    )
    for move in stage["moves"]:
        why = f": {move['because']}" if move["because"] else ""
        screen.print(f"    {move['at'][:16]} {move['from_stage']} → {move['to_stage']}{why}")
    screen.print(f"  owner: {document['owner'] or 'none'}")
    for task in document["tasks"]:
        screen.print(
            f"  task: {task['subject']} ({task['rule']}), {task['owner']}, due {task['due']}, {task['status']}"
        )
    for event in document["timeline"][:10]:
        about = " ".join(str(event[key]) for key in ("path", "form", "asset", "subject") if event.get(key))
        screen.print(f"    {event['occurred_at'][:16]} {event['type']} {about} [{event['system']}]")


def _tell_score(screen: Console, score: dict[str, Any], *, in_crm: bool) -> None:
    shares = " + ".join(f"{value} for {name} {score[name]:.1f}" for name, value in score["parts"].items())
    screen.print(f"  score {score['total']} = {shares}; grade {score['grade']}, verdict {score['verdict']}")
    if in_crm and score["shown"] is not None:
        shown = score["shown"]
        screen.print(
            f"  the CRM shows {shown['total']} {shown['grade']} (written when it changes in a way that matters)"
        )
    table = Table(box=None, padding=(0, 2, 0, 2))
    for name in ("dimension", "rule", "points", "times", "last"):
        table.add_column(name, justify="right" if name in {"points", "times"} else "left")
    for dimension in ("fit", "interest", "qualification"):
        lines = [line for line in score["lines"] if line["dimension"] == dimension]
        for line in lines:
            count = "" if line["count"] is None else str(line["count"])
            table.add_row(dimension, line["rule"], f"{line['points']:+.1f}", count, str(line["last_on"] or ""))
        table.add_row(dimension, "= total", f"{score[dimension]:.1f}", "", "")
    screen.print(table)
    low, high = score["fit_range"]
    if low != high:
        fact = f"; {score['deciding_fact']} would decide" if score["deciding_fact"] else ""
        screen.print(f"  fit lies between {low} and {high} while facts are missing{fact}")


def _tell_account(screen: Console, document: dict[str, Any]) -> None:
    screen.print(f"{document['name']}, account {document['account_id']}", style="bold")
    screen.print(
        f"  score {document['score']}, fit {document['fit']}, grade {document['grade']}; roles {document['roles']}"
    )
    for person in document["people"]:
        screen.print(
            f"    {person['person_id']} {person['role']}: {person['score.total']} {person['grade']} {person['stage']}"
        )
