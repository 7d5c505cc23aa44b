"""``${ENV}`` and ``${file:/path}`` in handoff.yaml: where secrets come from, and the only place they may come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from connector.mapping.places import Found, Node

#: keys whose values are secrets; ``_url`` and ``_file`` beside them are not
SECRET_KEY = re.compile(
    r"(?:^|_)(?:token|secret|password|passphrase|api_?key|private_key|credentials?|authorization)$", re.IGNORECASE
)
_REFERENCE = re.compile(r"\$\{([^{}\n]*)\}")
_REFERENCE_BYTES = re.compile(rb"\$\{([^{}\n]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
#: braces of a reference while YAML is read: inside {…} it would take them for its own
_OPEN, _CLOSE = "\ue000", "\ue001"


class Substituted(str):
    """A text that came out of a reference, and so may be a secret: problems do not show it."""

    __slots__ = ()


def shielded(data: bytes) -> bytes:
    """Hide the braces of references from YAML; columns stay the same."""
    return _REFERENCE_BYTES.sub(rb"$" + _OPEN.encode() + rb"\1" + _CLOSE.encode(), data)


def resolve(root: Node, environ: Mapping[str, str], folder: Path, found: Found) -> None:
    """Replace every reference below ``root`` in place; secrets become ``SecretStr``.

    Notes literal secrets, missing variables and files that cannot be read, each with its place. Relative paths of
    files start at ``folder``.
    """
    for child in [*(root.items or ()), *(root.entries or {}).values()]:
        resolve(child, environ, folder, found)
    secret = bool(root.path) and SECRET_KEY.search(str(root.path[-1])) is not None
    if isinstance(root.value, str):
        text = root.value.replace(_OPEN, "{").replace(_CLOSE, "}")
        sound = _without_literals(root, text, found, secret=secret)
        resolved = _REFERENCE.sub(lambda match: _value(match[1], root, environ, folder, found), sound)
        root.value = SecretStr(resolved) if secret else resolved if resolved == text else Substituted(resolved)
    elif secret and (root.value is not None or root.items is not None or root.entries is not None):
        found.add(root.at, root.path, _LITERAL)
        root.value, root.items, root.entries = SecretStr(""), None, None


_LITERAL = "a secret stands in the file; write ${NAME} for an environment variable, or ${file:/path}"


def _without_literals(node: Node, text: str, found: Found, *, secret: bool) -> str:
    """Note secrets that stand in a text, and give the text without them."""
    if secret and _REFERENCE.fullmatch(text) is None:
        found.add(node.at, node.path, _LITERAL)
        return ""
    login = re.search(r"://[^/@\s]*:([^/@\s]*)@", text)
    if login is not None and _REFERENCE.fullmatch(login[1]) is None:
        found.add(node.at, node.path, f"a password stands in the address: {_LITERAL}")
        return text[: login.start(1)] + "***" + text[login.end(1) :]
    return text


def _value(name: str, node: Node, environ: Mapping[str, str], folder: Path, found: Found) -> str:
    if name.startswith("file:"):
        return _from_file(folder / name.removeprefix("file:"), node, found)
    if _VARIABLE.fullmatch(name) is None:
        found.add(node.at, node.path, f"${{{name[:60]}}} names nothing; write ${{NAME}} or ${{file:/path}}")
        return ""
    value = environ.get(name, "")
    if not value:
        found.add(node.at, node.path, f"environment variable {name} is not set or empty; set it before the start")
    return value


def _from_file(path: Path, node: Node, found: Found) -> str:
    try:
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        found.add(node.at, node.path, f"file {path} cannot be read: {reason}")
        return ""
    if not value:
        found.add(node.at, node.path, f"file {path} is empty; it must hold the secret alone")
    return value
