"""lifecycle.yaml: stages that exist, can be reached and can be left, and conditions on facts that exist."""

from __future__ import annotations

from collections import Counter

from connector.mapping.agreement.naming import check_condition
from connector.mapping.agreement.report import Report, Shaped, unknown
from connector.mapping.facts import Fact
from connector.mapping.lifecycle import LifecycleFile, Transition
from connector.mapping.places import Path

_FILE = "lifecycle"
ANY = "any"
#: leaving for this stage alone makes a stage a dead end
DISQUALIFIED = "disqualified"


def check_lifecycle(report: Report, shaped: Shaped, facts: dict[str, Fact] | None) -> None:
    """Check stages, gates and transitions; ``facts`` are those that transitions see, None when they are not known."""
    lifecycle = shaped.lifecycle
    if lifecycle is None:
        return
    stages = shaped.names(_FILE, "stages")
    before = report.count(_FILE)
    _check_stages(report, lifecycle)
    for index, stage in enumerate(lifecycle.terminal):
        _check_stage(report, ("terminal", index), stage, stages)
    for index, stage in enumerate(lifecycle.human_gate.stages):
        _check_stage(report, ("human_gate", "stages", index), stage, stages)
    if stages and stages[0] in lifecycle.terminal:
        report.add(_FILE, ("stages", 0), "everybody starts here, so it cannot be terminal")
    for index, transition in enumerate(lifecycle.transitions):
        _check_transition(report, lifecycle, index, transition, stages)
    # a misspelt name makes a hole in the graph; the hole is reported only where all names are right
    if _FILE in shaped.whole and report.count(_FILE) == before:
        _check_graph(report, lifecycle)
    if facts is not None:
        for index, transition in enumerate(lifecycle.transitions):
            path: Path = ("transitions", index, "when")
            nodes, lost = shaped.parts[_FILE].deepest(path)
            written = None if lost else nodes[-1].plain()
            check_condition(report, _FILE, path, transition.when, written, facts, "transitions see every fact")


def _check_stages(report: Report, lifecycle: LifecycleFile) -> None:
    for index, stage in enumerate(lifecycle.stages):
        if lifecycle.stages.index(stage) != index:
            report.add(_FILE, ("stages", index), f"stage {stage} appears twice; remove one")
        if stage == ANY:
            report.add(_FILE, ("stages", index), "any means all stages; choose another name")


def _check_stage(report: Report, path: Path, stage: str, stages: list[str]) -> None:
    if stage not in stages:
        report.add(_FILE, path, unknown("stage", stage, stages))


def _check_transition(
    report: Report, lifecycle: LifecycleFile, index: int, transition: Transition, stages: list[str]
) -> None:
    base: Path = ("transitions", index)
    _check_stage(report, (*base, "to"), transition.to, stages)
    if not transition.from_:
        report.add(_FILE, (*base, "from"), "names no stage; write a stage, a list of stages, or any")
    for position, stage in enumerate(transition.from_):
        path: Path = (*base, "from", position)
        if stage == ANY:
            if len(transition.from_) > 1:
                report.add(_FILE, path, "any stands alone: it means all stages but terminal ones and the target")
            continue
        _check_stage(report, path, stage, stages)
        if stage == transition.to:
            report.add(_FILE, path, f"{stage} cannot move to itself; remove it from the list")
        if stage in lifecycle.terminal:
            report.add(_FILE, path, f"{stage} is terminal: nothing leaves it")
    for stage, count in Counter(transition.from_).items():
        if count > 1:
            report.add(_FILE, (*base, "from"), f"{stage} is listed {count} times; once is enough")


def exits(lifecycle: LifecycleFile) -> dict[str, set[str]]:
    """Say for every stage where it can lead."""
    leads: dict[str, set[str]] = {stage: set() for stage in lifecycle.stages}
    for transition in lifecycle.transitions:
        origins = lifecycle.stages if transition.from_ == (ANY,) else transition.from_
        for stage in origins:
            if stage in leads and stage != transition.to and stage not in lifecycle.terminal:
                leads[stage].add(transition.to)
    return leads


def _check_graph(report: Report, lifecycle: LifecycleFile) -> None:
    leads = exits(lifecycle)
    reached, waiting = set[str](), [lifecycle.stages[0]]
    while waiting:
        stage = waiting.pop()
        if stage not in reached:
            reached.add(stage)
            waiting += leads.get(stage, set())
    for index, stage in enumerate(lifecycle.stages):
        if stage not in reached:
            words = f"stage {stage} is unreachable: no transitions lead to it from {lifecycle.stages[0]}"
            report.add(_FILE, ("stages", index), f"{words}; add one or remove the stage")
        elif stage not in lifecycle.terminal and leads[stage] <= {DISQUALIFIED}:
            words = f"stage {stage} is a dead end: nothing but disqualification leaves it"
            report.add(_FILE, ("stages", index), f"{words}; add a transition or list it under terminal")
