"""``plan``, ``run``, ``approve``, ``pause``, ``resume``: everything that may lead to a write."""

from __future__ import annotations

import getpass
import signal
from contextlib import ExitStack
from datetime import datetime
from typing import Annotated

import structlog
import typer

from connector.bootstrap import (
    House,
    check_ready,
    on_this_machine,
    open_house,
    open_state,
    read_settings_of_state,
    utc_now,
)
from connector.cli.options import DEFAULT_CONFIG, AsJson, AsOf, ConfigFile, Verbose, instant
from connector.cli.output import console, emit
from connector.cli.progress import Progress
from connector.cli.tell import tell_plan, tell_run
from connector.delivery.approving import held_in_order
from connector.domain.outbox_states import UNDONE
from connector.domain.writes import Cause
from connector.errors import ConfigError, HandoffError, Refused, Stopped
from connector.logs import set_up_logs
from connector.pipeline.cycle import Cycle
from connector.pipeline.turn import Turn, cycle_clock, engine_turn, engine_turn_if_free, guest_turn, remember_clock
from connector.ports.store import OutboxRow
from connector.trust.put_back import notice_put_back, witness

#: what is in hand gets this long to finish after a signal; then the command leaves it as a crash would
GRACE_SECONDS = 7.0


class Signals:
    """Remembers that SIGTERM or SIGINT asked us to stop; what is in hand is finished first, if that is soon.

    A vendor that does not answer must not keep us beyond ten seconds: after the grace time, or at the second signal,
    the waiting call ends with ``Stopped``. That is no worse than a crash: what was not answered is looked up.
    """

    def __init__(self) -> None:
        self.asked = False
        self._resting = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def rest(self) -> None:
        """Let the report be told whole: the work is over, and no later signal may cut it."""
        if self.asked:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._resting = True

    def _ask(self, _number: int, _frame: object) -> None:
        if self._resting:
            return
        if self.asked:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise Stopped("run.stopped", "a signal came; what was not answered is looked up by the next run")
        self.asked = True
        signal.signal(signal.SIGALRM, self._ask)
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def __call__(self) -> bool:
        """Say whether to stop."""
        return self.asked


def clock_of(house: House, as_of: datetime | None) -> datetime:
    """Give the clock of the next cycle.

    Raises:
        ConfigError: a clock of one's own is for files and loopback, and never goes back.
    """
    if as_of is not None and house.settings.mode == "live" and not on_this_machine(house.settings):
        raise ConfigError(
            "as_of.live",
            "a clock of one's own is for files and loopback; in live mode a real system keeps its own time",
            cure="leave --as-of out, or use mode: shadow",
            at="--as-of",
        )
    if as_of is not None and as_of > utc_now() and not on_this_machine(house.settings):
        raise ConfigError(
            "as_of.future",
            f"{as_of.isoformat()} has not come yet, and no later cycle could go back before it",
            cure="leave --as-of out; a clock ahead of time is for files and loopback",
            at="--as-of",
        )
    return cycle_clock(house.store, as_of)


def plan(
    config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False, as_of: AsOf = None, verbose: Verbose = False
) -> int:
    """Show what the next run would write, and why; nothing is written to any system."""
    set_up_logs(verbose=verbose, quiet=not as_json)
    moment = instant(as_of)
    stop = Signals()
    with Progress(enabled=not as_json) as progress, open_house(config, progress=progress, stop=stop) as house:
        with engine_turn_if_free(house.store, house.engine.owner) as ours:
            now = clock_of(house, moment)
            cycle = Cycle(house.engine, now=now)
            if ours is not None:
                remember_clock(house.store, now)
            try:
                # Beside a daemon the plan is made from what has landed; pulling and the clock are the daemon's.
                report = cycle.plan(pull=ours is not None)
            except HandoffError as error:
                stop.rest()
                _fail(error, cycle, as_json=as_json)
                raise
        stop.rest()
        progress.stop()
        document = report.document() | {"plan": cycle.plan_summary}
        if as_json:
            emit(document)
        else:
            tell_plan(console(), document, cycle)
    return 0


def run(
    config: ConfigFile = DEFAULT_CONFIG,
    once: Annotated[bool, typer.Option("--once", help="one cycle, then end; without it: the daemon")] = False,
    plan_id: Annotated[str | None, typer.Option("--plan", metavar="ID", help="do exactly what this plan says")] = None,
    full: Annotated[bool, typer.Option("--full", help="with --once: work everybody, whoever was touched")] = False,
    as_json: AsJson = False,
    as_of: AsOf = None,
    verbose: Verbose = False,
) -> int:
    """Run the daemon, one cycle, or exactly a plan."""
    set_up_logs(verbose=verbose, quiet=not as_json and (once or plan_id is not None))
    if not once and plan_id is None:
        if as_of is not None:
            raise ConfigError("as_of.daemon", "the daemon lives in real time", cure="use --once", at="--as-of")
        if full:
            cure = "use --once; the daemon works everybody once a day"
            raise ConfigError("run.full", "the daemon chooses whom to work", cure=cure, at="--full")
        from connector.daemon.serve import serve  # noqa: PLC0415 - a twentieth of every other command's start

        return serve(config, stop=Signals())
    if full and plan_id is not None:
        cure = "leave --full out"
        raise ConfigError("run.full", "a plan says itself whom it is about", cure=cure, at="--full")
    return _cycle(config, plan_id, instant(as_of), as_json=as_json, full=full)


def _cycle(config: ConfigFile, plan_id: str | None, as_of: datetime | None, *, as_json: bool, full: bool) -> int:
    stop = Signals()
    with Progress(enabled=not as_json) as progress, open_house(config, progress=progress, stop=stop) as house:
        cycle = Cycle(house.engine, now=as_of or utc_now())
        store, owner = house.store, house.engine.owner
        try:
            with ExitStack() as stack:
                alone = plan_id is None or stack.enter_context(engine_turn_if_free(store, owner))
                # A plan beside a daemon is stored between two of its jobs, which it then goes on with.
                turn = guest_turn if plan_id else engine_turn
                ours = alone if isinstance(alone, Turn) else stack.enter_context(turn(store, owner, stop=stop))
                house.engine.still_ours = ours.renew
                now = clock_of(house, as_of)
                cycle = Cycle(house.engine, now=now)
                with cycle.first_asked():
                    check_ready(house, today=now.date())
                notice_put_back(store, house.engine.lake_root, now=utc_now())
                if plan_id is None:
                    remember_clock(house.store, now)
                    report = cycle.run(full=full)
                    witness(house.engine.lake_root, report.run_id)
                else:
                    # Beside a daemon the rows are handed to it: it delivers them with its next batch.
                    report = cycle.run_plan(plan_id, deliver=alone is not None)
                    # Only now: a plan that is refused must not move the clock.
                    remember_clock(house.store, now)
        except HandoffError as error:
            stop.rest()
            _fail(error, cycle, as_json=as_json)
            raise
        stop.rest()
        progress.stop()
        _log(cycle)
        if as_json:
            emit(report.document())
        else:
            tell_run(console(), report.document())
    return 1 if report.verdict == "red" else 0


def _fail(error: HandoffError, cycle: Cycle, *, as_json: bool) -> None:
    cycle.report.fail(error)
    if isinstance(error, Stopped):
        cycle.report.verdict = "amber"  # as asked, and it ends with 0
    _log(cycle)
    if as_json:
        emit(cycle.report.document())
        error.told = True  # type: ignore[attr-defined]


def _log(cycle: Cycle) -> None:
    report = cycle.report
    structlog.get_logger().info(
        "cycle",
        run=report.run_id,
        verdict=report.verdict,
        pulled=report.pulled,
        writes=report.writes,
        api_calls=report.api_calls,
        seconds=report.seconds,
        code=(report.error or {}).get("code", ""),
    )


def approve(
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="the plan whose held rows may go")],
    cause: Annotated[Cause | None, typer.Option(help="only rows that do this to people's work")] = None,
    first: Annotated[int | None, typer.Option(min=1, metavar="N", help="only the first so many, by rank")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list who is affected and why; release nothing")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """Release, once, what a limit held in a plan, else what an undo holds back; each row is checked again."""
    settings = read_settings_of_state(config)
    now = utc_now()
    with open_state(settings) as store:
        if not dry_run and (store.switches.paused() is not None or settings.mode != "live"):
            raise Refused(
                "approve.paused", "writes are paused", cure="set mode: live, or `handoff resume`, then approve"
            )
        if store.runs.plan(plan_id) is None:
            raise Refused("plan.unknown", f"there is no plan {plan_id}", cure="`handoff outbox list` names the plans")
        if dry_run or cause is not None or first is not None:
            held = held_in_order(store.outbox.each_unsettled(), plan_id, cause=cause)
            meant = held[:first]
            # What waits for a creation among them goes with it.
            count = 0 if dry_run or not meant else store.outbox.retry([row.id for row in meant], now=now)
            left = len(held) - count
        else:
            meant = []
            count = store.outbox.release(plan_id=plan_id, held_by="limit", now=now)
            count += store.outbox.release(plan_id=plan_id, held_by="dependency", now=now)
            count = count or store.outbox.release(plan_id=plan_id, held_by=UNDONE, now=now)
            left = 0
        if not dry_run:
            words = {"plan": plan_id, "rows": count, "cause": cause.value if cause else "", "first": first or 0}
            store.switches.audit(who(), "approve", now, words)
    _say_approved(plan_id, count, left, meant if dry_run else [], as_json=as_json)
    return 0


def _say_approved(plan_id: str, count: int, left: int, shown: list[OutboxRow], *, as_json: bool) -> None:
    rows = [
        {"cause": row.cause.value, "record": row.lane, "person": row.person_id, "rule": row.rule, "reason": row.reason}
        for row in shown
    ]
    if as_json:
        told = {"plan_id": plan_id, "released": count}
        emit(told | ({"left": left} if left else {}) | ({"rows": rows} if rows else {}))
        return
    for place, row in enumerate(rows, 1):
        console().print(f"{place:>5} {row['cause']} {row['record']} ({row['person']}): {row['reason']}")
    rest = f"; {left:,} stay held" if left else ""
    console().print(f"{count} held rows of {plan_id} released{rest}; the next run sends them")


def pause(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """Stop all writes, inside one batch; pulling and planning go on."""
    with open_state(read_settings_of_state(config)) as store:
        now = utc_now()
        store.switches.pause(who(), now)
    _say({"paused": True, "by": who(), "at": now}, "writes are paused; `handoff resume` goes on", as_json=as_json)
    return 0


def resume(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> int:
    """Go on writing after a pause."""
    with open_state(read_settings_of_state(config)) as store:
        now = utc_now()
        store.switches.resume(who(), now)
    _say({"paused": False, "by": who(), "at": now}, "writes go on", as_json=as_json)
    return 0


def _say(document: dict[str, object], words: str, *, as_json: bool) -> None:
    if as_json:
        emit(document)
    else:
        console().print(words)


def who() -> str:
    """Give the name of whoever types."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's number without a name: Python 3.13 says OSError, before it KeyError
        return "unknown user"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plan, run, approve, pause, resume):
        app.command()(command)
