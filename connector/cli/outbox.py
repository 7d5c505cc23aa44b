"""``outbox``: held and dead writes, grouped by cause."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any

import typer

from connector.bootstrap import open_state, read_settings_of_state, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from connector.cli.output import console, emit
from connector.cli.running import who
from connector.domain.outbox_states import UNDONE
from connector.domain.writes import RowState
from connector.errors import ConfigError, Refused
from connector.pipeline.decisions.redeciding import ask_anew
from connector.ports.store import OutboxRow, Store

#: what a reader does next, by state and by what holds the row
_CURES = {
    ("held", "limit"): "`handoff plan` and `handoff explain` show why; `handoff approve {plan}` releases it once",
    ("held", "budget"): "the next run goes on when calls are free again",
    ("held", "mode"): "`handoff resume`, or mode: live, and the next run goes on",
    ("held", "dependency"): "it goes with the row it waits for",
    ("held", "undone"): (
        "an undo took it back: other facts or mappings write again by themselves; `handoff approve {plan}` "
        "or `handoff outbox retry ID` lets it go now"
    ),
    ("dead", ""): (
        "cure the cause: a change of the record, the mappings or our rights sends it again by itself, "
        "`handoff outbox retry` at once; `handoff outbox dismiss` gives it up"
    ),
    ("unknown", ""): "the next run looks it up before it sends it again",
}

outbox = typer.Typer(help="Held and dead writes, grouped by cause: list, retry, dismiss.", no_args_is_help=True)


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
            # One cause is one group, whichever runs its rows came from; only what is held is released by its plan.
            plan = row.plan_id if row.state is RowState.HELD else ""
            found[row.state.value, why, f"{row.write.kind} {row.write.object}", plan, row.fixer].append(row)
    return [
        {
            "state": state,
            "why": why,
            "what": what,
            "plan": rows[0].plan_id,
            "fixer": fixer,
            "rows": len(rows),
            "ids": [row.id for row in rows[:100]],
            "message": rows[0].message,
            "example": rows[0].lane,
        }
        for (state, why, what, _, fixer), rows in sorted(found.items())
    ]


Ids = Annotated[
    list[int] | None, typer.Argument(metavar="[ID]...", help="row ids from `outbox list --json`; none = all dead")
]


@outbox.command("retry")
def retry_outbox(ids: Ids = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """Send dead rows again at the next run, after the cause has been cured, or named rows that an undo took back."""
    settings = read_settings_of_state(config)
    now = utc_now()
    with open_state(settings) as store:
        if store.switches.paused() is not None or settings.mode != "live":
            raise Refused("retry.paused", "writes are paused", cure="set mode: live, or `handoff resume`, then retry")
        meant = set(_dead(store, ids, also=UNDONE))
        # The person may have changed since: what was to be created is decided anew.
        created = meant & {row.id for row in store.outbox.unsettled() if row.write.kind == "create" and not row.held_by}
        ask_anew(store, created)
        count = store.outbox.retry(sorted(meant - created), now=now) + len(created)
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


def _dead(store: Store, ids: list[int] | None, *, also: str = "") -> list[int]:
    """Give the dead rows that are meant, all when none is named; ``also`` those that this holds, where named.

    Raises:
        ConfigError: one of them is not dead, or not there.
    """
    rows = store.outbox.unsettled()
    dead = [row.id for row in rows if row.state is RowState.DEAD]
    strange = sorted(set(ids or ()) - set(dead) - {row.id for row in rows if also and row.held_by == also})
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
    app.add_typer(outbox, name="outbox")
