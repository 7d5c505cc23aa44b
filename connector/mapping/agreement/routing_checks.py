"""routing.yaml: pools that exist and end somewhere, hours that can be read, tasks whose words exist."""

from __future__ import annotations

import string
from collections.abc import Iterator

from connector.mapping.agreement.naming import check_condition
from connector.mapping.agreement.report import Report, Shaped, unknown
from connector.mapping.agreement.scoring_checks import check_unique
from connector.mapping.conditions import AllOf, Condition
from connector.mapping.facts import ACTIVITY_FACTS, Fact
from connector.mapping.hours import check_hours
from connector.mapping.places import Path
from connector.mapping.routing import Pool, RoutingFile, Sla, TaskTemplate

_FILE = "routing"
ACCOUNT_OWNER = "account_owner"
#: whom work can go to beside pools: the words and what they mean
_OWNERS = {ACCOUNT_OWNER: "the account's owner", "deal_owner": "the owner of the account's open deal"}
#: words that a task's subject may hold in braces
TEMPLATE_WORDS = ("first_name", "last_name", "company", "reason", "grade", "form", "path")
ATTEMPTS = "attempts_before_recycle"


def check_routing(report: Report, shaped: Shaped, facts: dict[str, Fact] | None) -> None:
    """Check pools, tasks and conditions; ``facts`` are those that routing sees, None when they are not known."""
    routing = shaped.routing
    if routing is None:
        return
    pools = shaped.names(_FILE, "pools")
    check_unique(report, _FILE, _ids(routing))
    for path, to in _targets(routing):
        if to not in _OWNERS and to not in pools:
            report.add(_FILE, path, unknown("pool", to, [*pools, *_OWNERS]))
    for path, task in _tasks(routing):
        _check_template(report, (*path, "subject"), task)
    _check_personas(report, routing)
    _check_assign(report, routing)
    for name, pool in routing.pools.items():
        _check_pool(report, name, pool, pools)
    if _FILE in shaped.whole:
        _check_circles(report, routing)
    _check_stages(report, shaped, routing)
    if routing.notify.quiet_hours is not None:
        _check_hours(report, ("notify", "quiet_hours"), routing.notify.quiet_hours, overnight=True)
    for path, condition, seen in _conditions(routing, facts):
        nodes, lost = shaped.parts[_FILE].deepest(path)
        words = "where sees what an activity carries" if seen is ACTIVITY_FACTS else "this sees every fact"
        check_condition(report, _FILE, path, condition, None if lost else nodes[-1].plain(), seen, words)


def _ids(routing: RoutingFile) -> list[tuple[Path, str]]:
    placed: list[tuple[Path, str]] = []
    for key, ids in (
        ("fast_lane", [rule.id for rule in routing.fast_lane]),
        ("personas", [rule.id for rule in routing.personas]),
        ("stage_tasks", [rule.id for rule in routing.stage_tasks]),
    ):
        placed += [((key, index, "id"), id_) for index, id_ in enumerate(ids)]
    return placed


def _targets(routing: RoutingFile) -> Iterator[tuple[Path, str]]:
    for index, lane in enumerate(routing.fast_lane):
        yield ("fast_lane", index, "to"), lane.to
    for index, persona in enumerate(routing.personas):
        if persona.to is not None:
            yield ("personas", index, "to"), persona.to
    for index, task in enumerate(routing.stage_tasks):
        yield ("stage_tasks", index, "to"), task.to
    for index, line in enumerate(routing.assign):
        yield ("assign", index, "to"), line.to


def _tasks(routing: RoutingFile) -> Iterator[tuple[Path, TaskTemplate]]:
    for index, lane in enumerate(routing.fast_lane):
        yield ("fast_lane", index, "task"), lane.task
    for index, persona in enumerate(routing.personas):
        if persona.task is not None:
            yield ("personas", index, "task"), persona.task
    for index, stage_task in enumerate(routing.stage_tasks):
        yield ("stage_tasks", index, "task"), stage_task.task


def _conditions(
    routing: RoutingFile, facts: dict[str, Fact] | None
) -> Iterator[tuple[Path, Condition, dict[str, Fact]]]:
    for index, lane in enumerate(routing.fast_lane):
        yield ("fast_lane", index, "where"), lane.where, ACTIVITY_FACTS
    if facts is None:
        return
    for index, persona in enumerate(routing.personas):
        yield ("personas", index, "when"), persona.when, facts
    for index, line in enumerate(routing.assign):
        yield ("assign", index, "when"), line.when, facts


def _check_template(report: Report, path: Path, task: TaskTemplate) -> None:
    try:
        parts = list(string.Formatter().parse(task.subject))
    except ValueError:
        report.add(_FILE, path, "braces do not match; write {first_name}, or {{ and }} for braces themselves")
        return
    for _, word, shape, conversion in parts:
        if word is None:
            continue
        if shape or conversion:
            report.add(_FILE, path, f"{{{word}}} takes no format; write the word alone")
        if word not in TEMPLATE_WORDS:
            report.add(_FILE, path, unknown("word in braces", word, TEMPLATE_WORDS))


def _check_personas(report: Report, routing: RoutingFile) -> None:
    for index, persona in enumerate(routing.personas):
        if (persona.to is None) != (persona.task is None):
            report.add(_FILE, ("personas", index), "to and task go together: who does what")
        elif persona.task is None and persona.marketing is None:
            report.add(_FILE, ("personas", index), "the persona does nothing; give it to and task")


def _check_assign(report: Report, routing: RoutingFile) -> None:
    lines = routing.assign
    for index, line in enumerate(lines[:-1]):
        if line.when == AllOf(()) and line.to not in _OWNERS:
            report.add(_FILE, ("assign", index), "holds for everybody, so the lines below are never read; move it down")
    if lines and (lines[-1].when != AllOf(()) or lines[-1].to in _OWNERS):
        report.add(_FILE, ("assign", len(lines) - 1), "the last line must take everybody: write only {to: POOL}")


def _check_pool(report: Report, name: str, pool: Pool, pools: list[str]) -> None:
    base: Path = ("pools", name)
    if name in _OWNERS:
        report.add(_FILE, base, f"{name} means {_OWNERS[name]}; choose another name", key=True)
    if pool.hours is not None:
        _check_hours(report, (*base, "hours"), pool.hours)
    if pool.fallback.pool is not None and pool.fallback.pool not in pools:
        report.add(_FILE, (*base, "fallback", "pool"), unknown("pool", pool.fallback.pool, pools))
    users = [member.user.casefold() for member in pool.members]
    for index, user in enumerate(users):
        if users.index(user) != index:
            report.add(_FILE, (*base, "members", index, "user"), "is listed twice; use weight to give more")
    if not any(member.weight for member in pool.members):
        report.add(_FILE, (*base, "members"), "every weight is 0, so nobody takes anything; give one member 1 or more")


def _check_hours(report: Report, path: Path, hours: str, *, overnight: bool = False) -> None:
    try:
        check_hours(hours, overnight=overnight)
    except ValueError as error:
        report.add(_FILE, path, str(error))


def _check_circles(report: Report, routing: RoutingFile) -> None:
    in_circle: set[str] = set()
    for name in routing.pools:
        trail = [name]
        while True:
            pool = routing.pools.get(trail[-1])
            follower = pool.fallback.pool if pool is not None else None
            if follower is None:
                break
            if follower in trail:
                circle = trail[trail.index(follower) :]
                if not in_circle & set(circle):
                    words = " → ".join([*circle, follower])
                    message = f"pools fall back in a circle: {words}; let one end in a queue or a user"
                    report.add(_FILE, ("pools", circle[0], "fallback"), message, key=True)
                in_circle |= set(circle)
                break
            trail.append(follower)


def _check_stages(report: Report, shaped: Shaped, routing: RoutingFile) -> None:
    if shaped.lifecycle is None:
        return
    stages = shaped.names("lifecycle", "stages")
    for index, task in enumerate(routing.stage_tasks):
        if task.on_enter not in stages:
            report.add(_FILE, ("stage_tasks", index, "on_enter"), unknown("stage", task.on_enter, stages))
    for key, value in routing.sla.items():
        if isinstance(value, Sla) and key not in stages:
            report.add(_FILE, ("sla", key), unknown("stage", key, stages), key=True)
        elif isinstance(value, int) and key != ATTEMPTS:
            report.add(_FILE, ("sla", key), f"only {ATTEMPTS} takes a number; a stage takes {{first_touch: 4h}}")
