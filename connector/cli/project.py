"""``init``, ``check``, ``provision``: from an empty folder to an org that is ready."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.bootstrap import House, open_house, utc_now
from connector.cli.offline import check_offline, note_of_model, shown
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Verbose
from connector.cli.output import complain, console, emit, error_document
from connector.delivery.budget import accounted
from connector.errors import AccessError, ConfigError, Refused
from connector.logs import set_up_logs
from connector.mapping.starter import write_starter
from connector.pipeline.circuits import clocks_ahead
from connector.pipeline.intake.drift import look_for_drift
from connector.pipeline.intake.wanted import wanted_of
from connector.ports.crm import Provisioner, ProvisionStep
from connector.ports.traits import Finding
from connector.trust.clocks import clock_findings
from connector.trust.expiry import expiry_findings, known_expiries, read_expiries
from connector.trust.fields import field_specs
from connector.trust.golive import unsigned
from connector.trust.online import check_online

_MARKS = {"would": "would do", "done": "done", "present": "there already", "failed": "FAILED"}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a new or empty folder")], as_json: AsJson = False
) -> int:
    """Write a commented handoff.yaml and a copy of the starter mappings; nothing that exists is touched."""
    written = write_starter(folder)
    if as_json:
        emit({"written": [str(path) for path in written]})
        return 0
    screen = console()
    for path in written:
        screen.print(f"wrote {path}")
    screen.print(f"next: edit {folder / 'handoff.yaml'}, then `handoff check -c {folder / 'handoff.yaml'}`")
    return 0


def check(
    config: ConfigFile = DEFAULT_CONFIG,
    online: Annotated[bool, typer.Option("--online", help="also credentials, rights, fields and picklists")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> int:
    """Check configuration, mapping files and their examples; all problems at once."""
    set_up_logs(verbose=verbose)
    mappings, folder = check_offline(config)
    now = utc_now()
    notes = [note for note in (unsigned(mappings.lifecycle.definition, now.date()), note_of_model(config, now)) if note]
    findings = _online(config) if online else []
    bad = [finding for finding in findings if not finding.ok]
    shut = next((AccessError(f.shut, f.message, cure=f.cure, at=f.system) for f in bad if f.shut), None)
    if as_json:
        document = {"ok": not bad, "problems": [], "notes": notes, "findings": [_finding(f) for f in findings]}
        emit(document | (error_document(shut) if shut is not None else {}))
    else:
        screen = console()
        count = sum(len(model.examples) for model in (mappings.scoring, *mappings.further))
        screen.print(f"{shown(config)} and {shown(folder)}: no problems; {count} examples hold")
        for note in notes:
            screen.print(f"note: {note}")
        for finding in findings:
            screen.print(f"{'ok  ' if finding.ok else 'BAD '} {finding.system}: {finding.subject}: {finding.message}")
            if not finding.ok and finding.cure:
                screen.print(f"     cure: {finding.cure}")
        if shut is not None:
            complain(shut)
    if shut is not None:
        return shut.exit_code
    return Refused.exit_code if bad else 0


def _online(config: Path) -> list[Finding]:
    with open_house(config) as house:
        found = check_online(house.mappings, house.engine.adapters, house.engine.crm)
        if not any(finding.shut for finding in found):
            expiries = known_expiries(house.settings, read_expiries(house.engine.adapters))
            found += expiry_findings(expiries, now=utc_now(), ahead=house.settings.alarms.expiry)
            found += clock_findings(clocks_ahead(house.engine.adapters))
            changed = look_for_drift(house.engine, now=utc_now(), keep=False)
            told = {re.sub(r":\d+", "", place) for one in changed for place in one.uses}
            found = [finding for finding in found if finding.ok or finding.subject not in told]
            found += [
                Finding(f"{one.object}.{one.field}", False, one.words(), one.cure, system=one.system) for one in changed
            ]
        return found


def _finding(finding: Finding) -> dict[str, Any]:
    words = {"system": finding.system, "subject": finding.subject}
    return words | {"ok": finding.ok, "message": finding.message, "cure": finding.cure}


def provision(
    config: ConfigFile = DEFAULT_CONFIG,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done; write nothing")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> int:
    """Create the CRM fields, the least-privilege permission set and its assignment; may be repeated."""
    set_up_logs(verbose=verbose)
    with open_house(config) as house:
        steps = provision_house(house, dry_run=dry_run)
    failed = [step for step in steps if step.state == "failed"]
    if as_json:
        emit({"dry_run": dry_run, "steps": [{"what": s.what, "state": s.state, "message": s.message} for s in steps]})
    else:
        screen = console()
        for step in steps:
            screen.print(f"{_MARKS[step.state]:>13}  {step.what}{': ' + step.message if step.message else ''}")
    return 3 if failed else 0


def provision_house(house: House, *, dry_run: bool) -> list[ProvisionStep]:
    """Provision the CRM of a house.

    Raises:
        ConfigError: this CRM has no fields of its own to create.
        AccessError: our user may not; the message names the right.
    """
    crm = house.engine.crm
    if not isinstance(crm, Provisioner):
        raise ConfigError(
            "provision.not_needed",
            f"{crm.traits().system} needs no provisioning",
            cure="go on with `handoff plan`",
        )
    traits = crm.traits()
    specs = field_specs(house.mappings, traits)
    ours = {(spec.object, spec.name) for spec in specs}
    with accounted([crm], house.store.ledger, cause="provision", now=utc_now()):
        kinds = ("lead", "contact", "account", "task")
        there = {object_: {info.name for info in crm.fields(object_)} for object_ in kinds}
        # A field that only leads have is nothing to be read on contacts.
        wanted = wanted_of(house.mappings, traits, is_crm=True)
        readable = [(object_, name) for object_, name in wanted if (object_, name) in ours or name in there[object_]]
        return crm.provision(specs, readable, dry_run=dry_run)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (init, check, provision):
        app.command()(command)
