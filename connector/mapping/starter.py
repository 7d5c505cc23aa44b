"""What ``handoff init`` writes: a commented handoff.yaml and the starter mappings, to be made one's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from connector.errors import ConfigError, LocalFault
from connector.mapping.load import FILES

_CONFIG = "handoff.yaml"
_MAPPINGS = "default"


def starter_mapping(word: str) -> bytes:
    """Give one starter file (``scoring``) as it was installed."""
    return (files("mappings") / _MAPPINGS / f"{word}.yaml").read_bytes()


def write_starter(folder: Path) -> list[Path]:
    """Write handoff.yaml and mappings/default/*.yaml below ``folder``; return what was written, in that order.

    Nothing that exists is touched: if one of the files is there, none is written.

    Raises:
        ConfigError: one of the files exists, or ``folder`` is a file.
        LocalFault: the disk does not take them.
    """
    contents = {folder / _CONFIG: (files("mappings") / _CONFIG).read_bytes()}
    contents |= {folder / "mappings" / _MAPPINGS / f"{word}.yaml": starter_mapping(word) for word in FILES}
    for path in contents:
        if path.exists() or path.is_symlink():
            message = f"{path} exists and is left as it is; nothing was written"
            raise ConfigError("init.exists", message, cure="choose an empty folder", at=str(path))
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError("init.exists", f"{folder} is no folder that can be filled", at=str(folder)) from error
    except OSError as error:
        raise LocalFault("init.disk", f"{folder} cannot be written: {error.strerror}", at=str(folder)) from error
    return list(contents)
