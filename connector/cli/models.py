"""``models``: which models and mappings were in use when, who changed what and why, and the way back to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from connector.bootstrap import open_state, read_settings_of_state
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from connector.cli.output import console, emit
from connector.errors import ConfigError, LocalFault
from connector.mapping.comparing import Difference, differences
from connector.pipeline.versions import before_and_after, changes_of, predecessor, unexplained, write_files
from connector.ports.store import Store
from connector.ports.versions import Version, VersionKind, VersionUse

models = typer.Typer(
    help="Versions of the scoring models (or of all mapping files): list, show, diff, export.", no_args_is_help=True
)
All = Annotated[bool, typer.Option("--all-files", help="versions of every mapping file, not of the models alone")]
_Number = Annotated[int | None, typer.Argument(metavar="[N]", help="a version's number; left out: the one in use")]


@models.command("list")
def list_models(config: ConfigFile = DEFAULT_CONFIG, all_files: All = False, as_json: AsJson = False) -> int:
    """List the versions that cycles have used: when, who changed what, why, and how many people were where then."""
    versions, uses = _history(config, all_files=all_files)
    documents = [_document(version, versions, uses) for version in versions]
    if as_json:
        emit({"kind": _kind(all_files=all_files), "versions": documents})
        return 0
    screen = console()
    if not documents:
        screen.print("no cycle has used a model yet: `handoff run --once` is the first")
    for document in documents:
        _tell_head(screen, document)
        for line in document["changes"][:3]:
            screen.print(f"    {line}")
        if len(document["changes"]) > 3:
            screen.print(f"    and {len(document['changes']) - 3} more: `handoff models diff {document['number']}`")
    return 0


@models.command("show")
def show_model(
    number: _Number = None, config: ConfigFile = DEFAULT_CONFIG, all_files: All = False, as_json: AsJson = False
) -> int:
    """Show one version: its words, what it changed, what came of it, and its files."""
    versions, uses = _history(config, all_files=all_files)
    version = _one(versions, uses, number)
    document = _document(version, versions, uses) | {"files": dict(version.files)}
    if as_json:
        emit(document)
        return 0
    screen = console()
    _tell_head(screen, document)
    for line in document["changes"]:
        screen.print(f"    {line}")
    for name, text in version.files.items():
        screen.print(f"\n# {name}", style="bold")
        screen.print(text.rstrip("\n"))
    return 0


@models.command("diff")
def diff_models(
    number: _Number = None,
    other: Annotated[int | None, typer.Argument(metavar="[M]", help="left out: the one before N")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    all_files: All = False,
    as_json: AsJson = False,
) -> int:
    """Say in words what version N changed, or what lies between N and M."""
    versions, uses = _history(config, all_files=all_files)
    version = _one(versions, uses, number)
    if other is None:
        before, after = predecessor(versions, uses, version.number), version
    else:
        before, after = version, _one(versions, uses, other)
    found = [] if before is None else differences(before.files, after.files)
    if as_json:
        numbers = {"from": None if before is None else before.number, "to": after.number}
        emit({"kind": after.kind, **numbers, "changes": [_change(one) for one in found]})
        return 0
    screen = console()
    if before is None:
        screen.print(f"version {after.number} is the first: there is none before it")
    elif not found:
        screen.print(
            f"version {before.number} → {after.number}: the same but for comments, layout and the reason given"
        )
    else:
        screen.print(f"version {before.number} → {after.number}:", style="bold")
    for one in found:
        screen.print(f"  {one}")
    return 0


@models.command("export")
def export_model(
    number: Annotated[int, typer.Argument(metavar="N", help="a version's number")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="where its files go; the mappings folder brings it back")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
    all_files: All = False,
    force: Annotated[bool, typer.Option("--force", help="write over files that differ")] = False,
    as_json: AsJson = False,
) -> int:
    """Write a version's files: into the mappings folder, the next cycle works with it again and shows its numbers."""
    versions, uses = _history(config, all_files=all_files)
    version = _one(versions, uses, number)
    _refuse_overwriting(version, folder, force=force)
    try:
        written = write_files(version.files, folder)
    except OSError as error:
        raise LocalFault(
            "models.unwritable", f"the files cannot be written: {error.strerror}", cure="give rights", at=str(folder)
        ) from error
    if as_json:
        emit({"kind": version.kind, "number": version.number, "written": [str(path) for path in written]})
        return 0
    screen = console()
    for path in written:
        screen.print(f"wrote {path}")
    screen.print("next: `handoff check`, then `handoff plan` shows what these files would change")
    return 0


def _refuse_overwriting(version: Version, folder: Path, *, force: bool) -> None:
    """Refuse to write over somebody's work.

    Raises:
        ConfigError: a file of that name says something else.
    """
    for name, text in version.files.items():
        path = folder / name
        if not force and path.is_file() and path.read_bytes() != text.encode("utf-8"):
            raise ConfigError(
                "models.differs",
                f"{name} is there already and says something else",
                cure="--force writes over it (a version that a cycle has used is kept here), or name another folder",
                at=str(path),
            )


def _kind(*, all_files: bool) -> VersionKind:
    return "mappings" if all_files else "scoring"


def _history(config: Path, *, all_files: bool) -> tuple[list[Version], list[VersionUse]]:
    with open_state(read_settings_of_state(config)) as store:
        return _read(store, _kind(all_files=all_files))


def _read(store: Store, kind: VersionKind) -> tuple[list[Version], list[VersionUse]]:
    return store.versions.versions(kind), store.versions.uses(kind)


def _one(versions: Sequence[Version], uses: Sequence[VersionUse], number: int | None) -> Version:
    """Give a version by number, or the one in use.

    Raises:
        ConfigError: there is none.
    """
    wanted = number if number is not None or not uses else uses[-1].number
    for version in versions:
        if version.number == wanted:
            return version
    raise ConfigError(
        "models.unknown",
        "no cycle has used a model yet" if wanted is None else f"there is no version {wanted}",
        cure="`handoff models list` lists them; a cycle numbers what it works with",
    )


def _document(version: Version, versions: Sequence[Version], uses: Sequence[VersionUse]) -> dict[str, Any]:
    before = predecessor(versions, uses, version.number)
    then, now = before_and_after(uses, version.number)
    spans = [
        {"since": use.since, "until": uses[place + 1].since if place + 1 < len(uses) else None, "run_id": use.run_id}
        for place, use in enumerate(uses)
        if use.number == version.number
    ]
    return {
        "number": version.number,
        "digest": version.digest,
        "first_used": version.first_used,
        "in_use": bool(uses) and uses[-1].number == version.number,
        "by": version.by or None,
        "because": version.because or None,
        "unexplained": unexplained(version, before),
        "after_version": None if before is None else before.number,
        "changes": [str(one) for one in changes_of(version, before)],
        "spans": spans,
        "results": {"before": dict(then), "after": dict(now)},
    }


def _change(one: Difference) -> dict[str, Any]:
    return {"file": one.file, "key": one.key, "before": one.before, "after": one.after, "text": str(one)}


def _tell_head(screen: Console, document: dict[str, Any]) -> None:
    mark = ", in use" if document["in_use"] else ""
    first = f"{document['first_used']:%Y-%m-%d %H:%M} UTC"
    screen.print(f"version {document['number']}{mark}: first used {first}, {document['digest'][:12]}", style="bold")
    by = f" by {document['by']}" if document["by"] else ""
    screen.print(f"  changed{by}: {document['because'] or 'no reason given'}")
    if document["unexplained"]:
        screen.print("  this version changed the models and gave no reason of its own (version.because)")
    if len(document["spans"]) > 1:
        returns = ", ".join(f"{span['since']:%Y-%m-%d}" for span in document["spans"][1:])
        screen.print(f"  came back on {returns}")
    then, now = document["results"]["before"], document["results"]["after"]
    if then and now:
        names = dict.fromkeys([*then["dispositions"], *now["dispositions"]])
        told = ", ".join(
            f"{name} {then['dispositions'].get(name, 0):,} → {now['dispositions'].get(name, 0):,}" for name in names
        )
        screen.print(f"  the cycle before → its first cycle: {told} of {then['persons']:,} → {now['persons']:,} people")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models, name="models")
