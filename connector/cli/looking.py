"""``status``, ``explain``, ``outbox``: what is, why it is, and what waits."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from connector.bootstrap import lake_folder, open_house, open_state, read_settings_of_state, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, AsOf, ConfigFile, Verbose, instant
from connector.cli.output import console, emit
from connector.cli.running import who
from connector.cli.tell_person import tell_person
from connector.domain.writes import RowState
from connector.errors import ConfigError, LocalFault, Refused
from connector.lake.checking import check_segments
from connector.lake.reading import Lake
from connector.logs import set_up_logs
from connector.mapping.load import load_mappings
from connector.pipeline.census import Census
from connector.pipeline.cycle import SETTING_BEFORE_BASELINE
from connector.pipeline.explaining import explain as explain_person
from connector.ports.store import OutboxRow, Store
from connector.trust.golive import unsigned

DAY = timedelta(hours=24)
_OPEN = (RowState.TODO, RowState.DOING, RowState.UNKNOWN)

#: what a reader does next, by state and by what holds the row
_CURES = {
    ("held", "limit"): "`handoff plan` and `handoff explain` show why; `handoff approve {plan}` releases it once",
    ("held", "budget"): "the next run goes on when calls are free again",
    ("held", "mode"): "`handoff resume`, or mode: live, and the next run goes on",
    ("held", "dependency"): "it goes with the row it waits for",
    ("dead", ""): "cure the cause, then `handoff outbox retry`; or `handoff outbox dismiss` gives it up",
    ("unknown", ""): "the next run looks it up before it sends it again",
}

outbox = typer.Typer(help="Held and dead writes, grouped by cause: list, retry, dismiss.", no_args_is_help=True)


def status(
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    deep: Annotated[bool, typer.Option("--deep", help="read every file of the lake against its checksum")] = False,
) -> int:
    """Show health, backlog, budget, questions and the last runs; 5 where files of the lake are not what was written."""
    settings = read_settings_of_state(config)
    now = utc_now()
    with open_state(settings) as store:
        mappings = load_mappings(settings.mappings)
        paused = store.switches.paused()
        counts = store.outbox.counts()
        runs = [
            {
                "run_id": run.id,
                "kind": run.kind,
                "mode": run.mode,
                "as_of": run.as_of,
                "verdict": run.verdict or "running",
            }
            for run in store.runs.last(5)
        ]
        systems = [system.name for system in settings.sources] + [settings.crm.name]
        budget = {
            name: {
                "used_24h": store.ledger.spent(name, now - DAY),
                "ceiling": settings.limits.api_calls_per_day.get(name),
            }
            for name in dict.fromkeys(systems)
        }
        document = {
            "mode": settings.mode,
            "paused": None if paused is None else {"by": paused[0], "at": paused[1]},
            "definition": unsigned(mappings.lifecycle.definition, now.date()) or "signed",
            "outbox": counts,
            "waiting": sum(counts.get(state, 0) for state in _OPEN),
            "reviews": store.knowledge.open_questions(),
            "baseline": store.knowledge.marks().get("baseline"),
            "before_baseline": json.loads(store.switches.setting(SETTING_BEFORE_BASELINE) or "[]"),
            "api_calls": budget,
            "last_runs": runs,
            "lake": _lake(store, lake_folder(settings.lake), deep=deep),
        }
    if as_json:
        emit(document)
    else:
        _tell_status(console(), document)
    return LocalFault.exit_code if document["lake"]["problems"] else 0


def _lake(store: Store, root: Path, *, deep: bool) -> dict[str, Any]:
    """Say how much the lake holds and which of its files are harmed."""
    segments = store.manifest.segments()
    problems = check_segments(root, store.manifest, deep=deep)
    return {
        "files": len(segments),
        "rows": sum(segment.rows for segment in segments),
        "bytes": sum(segment.size_bytes for segment in segments),
        "checked": "checksums" if deep else "sizes and footers",
        "problems": [
            {"file": one.path, "what": one.kind, "stream": one.stream, "rows": one.rows, "cure": one.cure}
            for one in problems
        ],
    }


def _tell_status(screen: Console, document: dict[str, Any]) -> None:
    paused = document["paused"]
    screen.print(
        f"mode: {document['mode']}"
        + (f", paused by {paused['by']} since {paused['at']:%Y-%m-%d %H:%M} UTC" if paused else "")
    )
    screen.print(f"definition: {document['definition']}")
    screen.print(f"baseline: {document['baseline'] or 'not yet: the first live run writes scores and stages only'}")
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(document["outbox"].items()) if count) or "empty"
    screen.print(f"outbox: {states}")
    asked = f"{document['reviews']:,} (`handoff review list`)" if document["reviews"] else "none"
    screen.print(f"open questions (who is who, which account): {asked}")
    if document["before_baseline"]:
        screen.print(
            f"asked for sales in the week before the baseline, not called by us: {len(document['before_baseline'])}"
        )
    for system, calls in document["api_calls"].items():
        ceiling = f" of {calls['ceiling']:,}" if calls["ceiling"] else ""
        screen.print(f"API calls to {system} in 24 hours: {calls['used_24h']:,}{ceiling}")
    lake = document["lake"]
    screen.print(
        f"lake: {lake['rows']:,} rows in {lake['files']:,} files, {lake['bytes'] / 1e6:,.1f} MB"
        + ("" if lake["problems"] else f", whole by {lake['checked']}")
    )
    for harmed in lake["problems"]:
        screen.print(f"  {harmed['file']} is {harmed['what']} ({harmed['rows']:,} rows of {harmed['stream']})")
        screen.print(f"    cure: {harmed['cure']}")
    for run in document["last_runs"]:
        screen.print(f"  {run['as_of']:%Y-%m-%d %H:%M} {run['kind']} {run['run_id']}: {run['verdict']} ({run['mode']})")


def explain(
    somebody: Annotated[str, typer.Argument(metavar="WHO", help="e-mail address, CRM id or source id")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    as_of: AsOf = None,
    verbose: Verbose = False,
) -> int:
    """Explain one person or account: identity, match, lines that add up, stage, owner, tasks, story."""
    set_up_logs(verbose=verbose)
    moment = instant(as_of)
    with open_house(config) as house:
        engine = house.engine
        last = house.store.switches.setting("last_as_of")
        census = Census(
            lake=Lake(engine.lake_root, house.store.manifest),
            store=house.store,
            mappings=house.mappings,
            traits=engine.traits(),
            crm=engine.crm.traits(),
            install=engine.install,
            time_zone=engine.time_zone,
            automation=(),
        )
        told = explain_person(census, somebody, as_of=moment or instant(last) or utc_now())
    if as_json:
        emit(told.document)
    else:
        tell_person(console(), told.document)
    return 0


@outbox.command("list")
def list_outbox(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """List what is held, dead or of unknown fate, grouped by cause, with who must act."""
    with open_state(read_settings_of_state(config)) as store:
        groups = _groups(store)
    if as_json:
        emit({"groups": groups})
        return 0
    screen = console()
    if not groups:
        screen.print("nothing waits for a person")
    for group in groups:
        rows = "row" if group["rows"] == 1 else "rows"
        screen.print(f"{group['rows']:,} {rows} {group['state']}: {group['what']}, {group['why']}", style="bold")
        if group["message"]:
            screen.print(f"  {group['message']}")
        if group["fixer"]:
            screen.print(f"  who acts: {group['fixer'].replace('_', ' ')}")
        screen.print(f"  plan {group['plan']}, for example {group['example']}")
        cure = _CURES.get((group["state"], group["why"])) or _CURES.get((group["state"], ""))
        if cure:
            screen.print(f"  next: {cure.format(plan=group['plan'])}")
    return 0


def _groups(store: Store) -> list[dict[str, Any]]:
    found: dict[tuple[str, ...], list[OutboxRow]] = defaultdict(list)
    for row in store.outbox.unsettled():
        if row.state in {RowState.HELD, RowState.DEAD, RowState.UNKNOWN}:
            why = row.held_by if row.state is RowState.HELD else row.code or "no answer yet"
            found[row.state.value, why, f"{row.write.kind} {row.write.object}", row.plan_id, row.fixer].append(row)
    return [
        {
            "state": state,
            "why": why,
            "what": what,
            "plan": plan,
            "fixer": fixer,
            "rows": len(rows),
            "ids": [row.id for row in rows[:100]],
            "message": rows[0].message,
            "example": rows[0].lane,
        }
        for (state, why, what, plan, fixer), rows in sorted(found.items())
    ]


Ids = Annotated[
    list[int] | None, typer.Argument(metavar="[ID]...", help="row ids from `outbox list --json`; none = all dead")
]


@outbox.command("retry")
def retry_outbox(ids: Ids = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """Send dead rows again at the next run, after the cause has been cured."""
    settings = read_settings_of_state(config)
    now = utc_now()
    with open_state(settings) as store:
        if store.switches.paused() is not None or settings.mode != "live":
            raise Refused("retry.paused", "writes are paused", cure="set mode: live, or `handoff resume`, then retry")
        count = store.outbox.retry(_dead(store, ids), now=now)
        store.switches.audit(who(), "outbox retry", now, {"rows": count})
    _said("retried", count, "to be sent by the next run", as_json=as_json)
    return 0


@outbox.command("dismiss")
def dismiss_outbox(ids: Ids = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """Give dead rows up for good."""
    now = utc_now()
    with open_state(read_settings_of_state(config)) as store:
        count = store.outbox.dismiss(_dead(store, ids), who=who(), now=now)
    _said("dismissed", count, "given up", as_json=as_json)
    return 0


def _dead(store: Store, ids: list[int] | None) -> list[int]:
    """Give the dead rows that are meant, all when none is named.

    Raises:
        ConfigError: one of them is not dead, or not there.
    """
    dead = [row.id for row in store.outbox.unsettled() if row.state is RowState.DEAD]
    strange = sorted(set(ids or ()) - set(dead))
    if strange:
        raise ConfigError(
            "outbox.not_dead",
            f"no dead row has the id {', '.join(map(str, strange))}",
            cure="`handoff outbox list --json` gives the ids of dead rows",
        )
    return ids or dead


def _said(word: str, count: int, words: str, *, as_json: bool) -> None:
    if as_json:
        emit({word: count})
    else:
        console().print(f"{count} row{'' if count == 1 else 's'} {words}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(explain)
    app.add_typer(outbox, name="outbox")
