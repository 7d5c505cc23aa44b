"""What the files may say but this version does not do. Delete an entry when the engine delivers it."""

from __future__ import annotations

from connector.mapping.agreement.report import Report
from connector.mapping.places import Node, Path

#: (file, path with * for any key or position, what does not happen)
NOT_YET: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("routing", ("personas", "*", "marketing"), "adding people to lists of the marketing tool"),
    ("routing", ("sla", "attempts_before_recycle"), "counting attempts without an answer"),
    ("routing", ("notify",), "sending notices"),
)


def check_not_yet(report: Report, written: dict[str, Node]) -> None:
    """Refuse what would silently not happen."""
    for file, pattern, what in NOT_YET:
        if file not in written:
            continue
        for path in _places(written[file], pattern, ()):
            report.add(file, path, f"{what} is not part of this version; remove {path[-1]} here", key=True)


def _places(node: Node, pattern: tuple[str, ...], path: Path) -> list[Path]:
    if not pattern:
        return [path]
    steps: list[str | int] = [pattern[0]]
    if pattern[0] == "*":
        steps = [*range(len(node.items or ())), *(node.entries or {})]
    found: list[Path] = []
    for step in steps:
        child = node.child(step)
        if child is not None:
            found += _places(child, pattern[1:], (*path, step))
    return found
