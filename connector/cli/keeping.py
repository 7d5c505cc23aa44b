"""``backup`` and ``restore``: the state and the lake it lists, together, as of one instant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.bootstrap import lake_folder, open_state, read_settings_of_state, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from connector.cli.output import console, emit
from connector.cli.running import who
from connector.errors import ConfigError, LocalFault
from connector.lake.copies import copy_segments
from connector.mapping.settings import Settings
from connector.pipeline.forgetting import SETTING_DUE
from connector.pipeline.turn import engine_turn
from connector.trust.put_back import settle_put_back
from state.backup import aside_of, back_up, is_copied_by_us, put_back

_FORMAT = 1
_STATE = "handoff.db"
_LAKE = "lake"
_NOTE = "backup.json"


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a new folder for the copy")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """Copy the state and the files of the lake it lists, as of one instant; a daemon may go on working."""
    settings = read_settings_of_state(config)
    now = utc_now()
    if folder.exists():
        raise ConfigError("backup.exists", "it is there already", cure="name a new folder", at=str(folder))
    part = folder.with_name(f"{folder.name}.part")
    with _on_disk(folder):
        part.mkdir(parents=True, exist_ok=True)
    note: dict[str, Any] = {
        "format": _FORMAT,
        "program": version("handoff-connector"),
        "install": settings.install,
        "made_at": now,
        "state": None,
    }
    if is_copied_by_us(settings.state.get_secret_value()):
        copy = back_up(settings.state.get_secret_value(), part / _STATE)
        segments = copy.segments
        with (part / _STATE).open("rb") as file:
            note["state"] = {"bytes": copy.size_bytes, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    else:
        with open_state(settings) as store:
            segments = store.manifest.segments()
    copy_segments(segments, lake_folder(settings.lake), part / _LAKE)
    note["lake"] = {"files": len(segments), "bytes": sum(segment.size_bytes for segment in segments)}
    with _on_disk(folder):
        (part / _NOTE).write_text(json.dumps(note, default=_plain) + "\n", encoding="utf-8")
        part.rename(folder)
    with open_state(settings) as store:
        store.switches.audit(who(), "backup", now, {"files": len(segments)})
    if as_json:
        emit({"folder": str(folder), **note})
        return 0
    screen = console()
    screen.print(f"{folder}: {len(segments):,} files of the lake, {note['lake']['bytes'] / 2**20:,.1f} MiB")
    if note["state"] is None:
        screen.print("the state is in PostgreSQL: copy it with pg_dump before the next run, and keep both together")
    else:
        screen.print(f"the state as of {now:%Y-%m-%d %H:%M:%S} UTC, {note['state']['bytes'] / 2**20:,.1f} MiB")
    screen.print(f"back again: `handoff restore {folder}`")
    return 0


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="what `handoff backup` made")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """Put a backup in the place of state and lake; the next run looks at the CRM before it writes anything."""
    settings = read_settings_of_state(config)
    url = settings.state.get_secret_value()
    now = utc_now()
    note = _note_of(folder, settings)
    ours = is_copied_by_us(url)
    if ours != (note["state"] is not None):
        raise ConfigError(
            "backup.other_state",
            "the backup's state is of the other make of database",
            cure="name in `state:` the database it was made from",
            at=str(folder),
        )
    place = Path(url.removeprefix("sqlite:///"))
    aside = aside_of(url, now)
    if ours:
        if place.is_file():
            _take_turn(settings)
        put_back(url, folder / _STATE, aside=aside)
    with open_state(settings) as store, engine_turn(store, "restore", patience_seconds=0):
        brought = copy_segments(store.manifest.segments(), folder / _LAKE, lake_folder(settings.lake))
        if store.knowledge.tombstones():
            # what the backup still tells of people who were erased goes with the next run
            store.switches.put_setting(SETTING_DUE, "yes")
        told = settle_put_back(store, now=now)
        store.switches.audit(who(), "restore", now, {"files": brought, **told})
    document = {"folder": str(folder), "made_at": note["made_at"], "files": brought, "outbox": told}
    document["kept"] = str(aside) if aside.exists() else None
    if as_json:
        emit(document)
        return 0
    _tell(document)
    return 0


def _tell(document: dict[str, Any]) -> None:
    screen, told = console(), document["outbox"]
    screen.print(f"the state of {document['made_at']} stands again; {document['files']:,} files of the lake came back")
    if document["kept"]:
        screen.print(f"what stood there is kept as {document['kept']}")
    screen.print(
        f"outbox: {told['looked_up']} to be looked up in the CRM, {told['taken_as_it_is']} as the CRM has them,"
        f" {told['decided_anew']} decided anew by the next run"
    )
    screen.print("next: `handoff plan` shows what is missing in the CRM since then; `handoff run` goes on")


def _note_of(folder: Path, settings: Settings) -> dict[str, Any]:
    """Read what a backup says of itself, and refuse one that is not whole or not ours."""
    try:
        note: dict[str, Any] = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
        if note["format"] != _FORMAT:
            cure = "restore it with that program, then upgrade"
            raise ConfigError("backup.format", f"made by {note['program']}", cure=cure, at=str(folder))
        if note["install"] != settings.install:
            message = f"the backup is of install {note['install']!r}, handoff.yaml says {settings.install!r}"
            raise ConfigError("backup.install", message, cure="use the backup of this install", at=str(folder))
        if note["state"] is not None:
            with (folder / _STATE).open("rb") as file:
                sound = hashlib.file_digest(file, "sha256").hexdigest() == note["state"]["sha256"]
            if not sound:
                message = "its copy of the state is not what was written"
                raise LocalFault("backup.corrupt", message, cure="use another backup", at=str(folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        cure = "name a folder that `handoff backup` made"
        raise ConfigError("backup.unreadable", "that is no whole backup", cure=cure, at=str(folder)) from error
    return note


def _take_turn(settings: Settings) -> None:
    """Make sure that nobody works on the state that is replaced; of a damaged one nobody can tell."""
    try:
        with open_state(settings) as store, engine_turn(store, "restore", patience_seconds=0):
            return
    except LocalFault as fault:
        if fault.code != "state.corrupt":
            raise
        words = "the state that stood here is damaged: whoever was erased since the backup must be erased again"
        typer.echo(words, err=True)


@contextmanager
def _on_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = error.strerror or "the disk does not take it"
        raise LocalFault("backup.unwritable", words, cure="make room, or give rights", at=str(folder)) from error


def _plain(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (backup, restore):
        app.command()(command)
