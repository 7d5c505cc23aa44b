"""Which model a cycle works with: met, numbered and kept, and found again for any past date."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connector.errors import ConfigError, MappingError
from connector.mapping.bundle import Mappings
from connector.mapping.comparing import Difference, differences, files_changed
from connector.mapping.load import load_mappings
from connector.ports.store import Store
from connector.ports.versions import Version, VersionKind, VersionUse, in_use

_SCORING = "scoring"


def version_of(mappings: Mappings, kind: VersionKind, *, at: datetime) -> Version:
    """Give the version that some mappings are; its number is 0: the store gives that.

    Who and why are those of scoring.yaml, then those of each further model, by its name.
    """
    files = dict(mappings.files) if kind == "mappings" else _models(mappings.files)
    digest = mappings.digest if kind == "mappings" else _digest(files)
    spoken = [("", mappings.scoring.version), *((f"{one.name}: ", one.version) for one in mappings.further)]
    by = "; ".join(dict.fromkeys(one.by for _, one in spoken if one.by))
    because = "; ".join(name + one.because for name, one in spoken if one.because)
    return Version(kind, 0, digest, files, by, because, at)


def _models(files: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in files.items() if Path(name).stem.partition("-")[0] == _SCORING}


def _digest(files: Mapping[str, str]) -> str:
    total = hashlib.sha256()
    for name in sorted(files):
        content = files[name].encode("utf-8")
        total.update(f"{name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def meet_mappings(store: Store, mappings: Mappings, *, run_id: str, at: datetime) -> None:
    """Note that a cycle works with these models and mappings from ``at`` on."""
    kinds: tuple[VersionKind, ...] = ("mappings", "scoring")
    for kind in kinds:
        store.versions.meet(version_of(mappings, kind, at=at), run_id=run_id, at=at)


def tell_results(store: Store, report: Mapping[str, Any], *, at: datetime) -> None:
    """Keep what a cycle said of everybody beside the model it said it by: how many are where."""
    persons = report["identity"]["persons"]
    if not persons:
        return
    told = {"at": at.isoformat(), "persons": persons}
    told |= {name: report[name] for name in ("dispositions", "stages")}
    store.versions.tell("scoring", told)


def mappings_at(store: Store, at: datetime) -> tuple[Mappings, Version] | None:
    """Give the mappings that were in use at an instant, as they stood; None before the first cycle that kept them.

    Raises:
        ConfigError: this program no longer reads files of that time.
    """
    use = in_use(store.versions.uses("mappings"), at)
    if use is None:
        return None
    version = next(one for one in store.versions.versions("mappings") if one.number == use.number)
    with TemporaryDirectory(prefix="handoff-") as root:
        # Deep inside: a file of aliases may be named by a way that leads up.
        folder = Path(root) / "a" / "b" / "c"
        folder.mkdir(parents=True)
        write_files(version.files, folder, within=Path(root))
        try:
            return load_mappings(folder), version
        except MappingError as error:
            raise ConfigError(
                "model.unreadable",
                f"the mappings of that time (version {version.number}) cannot be read by this program:"
                f" {error.problems[0].message}",
                cure="`handoff models export` writes them out; mend them there, and score from files",
            ) from error


def write_files(files: Mapping[str, str], folder: Path, *, within: Path | None = None) -> list[Path]:
    """Write texts under their names, but nothing outside ``within`` (the folder itself); give the paths.

    Raises:
        OSError: the folder cannot be written.
    """
    paths = []
    for name, text in files.items():
        path = (folder / name).resolve()
        if path.is_relative_to((within or folder).resolve()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
            paths.append(path)
    return paths


def model_at(store: Store, at: datetime | None) -> Version | None:
    """Say which version of the scoring models was in use at an instant, or (None) is the latest that was used."""
    uses = store.versions.uses("scoring")
    use = in_use(uses, at) if at is not None else uses[-1] if uses else None
    if use is None:
        return None
    return next(one for one in store.versions.versions("scoring") if one.number == use.number)


def predecessor(versions: Sequence[Version], uses: Sequence[VersionUse], number: int) -> Version | None:
    """Give the version that was in use before ``number`` was for the first time; None for the first of all."""
    before: int | None = None
    for use in uses:
        if use.number == number:
            break
        before = use.number
    return next((one for one in versions if one.number == before), None)


def changes_of(version: Version, before: Version | None) -> list[Difference]:
    """List what a version changed; nothing for the first."""
    return [] if before is None else differences(before.files, version.files)


def before_and_after(uses: Sequence[VersionUse], number: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Give what the last cycle before a version said of everybody, and what its first one said; empty where none did.

    Time had passed between the two: what decayed or came meanwhile is in the difference, too.
    """
    place = next((place for place, use in enumerate(uses) if use.number == number), None)
    if place is None:
        return {}, {}
    before = uses[place - 1].results.get("last", {}) if place else {}
    return before, uses[place].results.get("first", {})


def unexplained(version: Version, before: Version | None) -> bool:
    """Say whether a version changed what the models do and gives no reason, or only that of the version before."""
    if before is None or not changes_of(version, before):
        return False
    return not version.because or version.because == before.because


def news_of(store: Store, mappings: Mappings, *, at: datetime) -> dict[str, Any]:
    """Say how the files stand to the version in use: ``number``, ``since``, ``by``, ``because``, ``note``.

    ``note`` is a sentence for whoever changed the models and gave no new reason, or has not yet run them; else empty.
    """
    here = version_of(mappings, "scoring", at=at)
    versions, uses = store.versions.versions("scoring"), store.versions.uses("scoring")
    use = in_use(uses, at)
    if use is None:
        return {"number": None, "since": None, "by": "", "because": "", "note": ""}
    current = next(one for one in versions if one.number == use.number)
    before = predecessor(versions, uses, current.number)
    note = ""
    if here.digest != current.digest and not any(one.digest == here.digest for one in versions):
        changed = ", ".join(files_changed(current.files, here.files))
        note = f"{changed} changed since version {current.number}, which the last cycle used"
        if unexplained(here, current):
            note += "; say why: version.because in scoring.yaml is still that of the version in use"
    elif here.digest == current.digest and unexplained(current, before):
        note = f"version {current.number} gives no reason of its own: version.because in scoring.yaml says why"
    return {
        "number": current.number,
        "since": use.since,
        "by": current.by,
        "because": current.because,
        "note": note,
    }
