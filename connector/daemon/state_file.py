"""Whether the state database is still the file it was: SQLite goes on writing into a file that nobody can reach."""

from __future__ import annotations

from pathlib import Path

from connector.errors import LocalFault

_SQLITE = "sqlite:///"
#: what may pass by itself; all other faults of the machine end the daemon
PASSING = frozenset({"state.unreachable", "state.locked", "state.busy", "state.collision", "state.gone", "engine.lost"})


class StateFile:
    """The file of a state URL, as it is now; nothing to look at for PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._path = Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None
        self._known = self._identity()

    def check(self) -> None:
        """Look again.

        Raises:
            LocalFault: ``state.gone``: it is not there, which may pass; ``state.replaced``: it is another file.
        """
        found = self._identity()
        if self._path is None or found == self._known:
            return
        if found is None:
            raise LocalFault(
                "state.gone",
                "the file of the state database is not there",
                cure="bring the disk or the file back",
                at=str(self._path),
            )
        raise LocalFault(
            "state.replaced",
            "the state database is another file than at the start",
            cure="start again; after a restore `handoff status` shows what it holds",
            at=str(self._path),
        )

    def _identity(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
