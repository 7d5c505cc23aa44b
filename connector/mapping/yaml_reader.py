"""Strict YAML 1.2: ``on``, ``no``, ``yes`` are text, repeated keys are refused, every value knows its place.

Numbers are kept as written (whole numbers and decimals, never binary fractions). Anchors are allowed, tags are not.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from connector.mapping.places import Found, Node, Path, Place, Scalar

LARGEST_BYTES = 1_000_000
DEEPEST = 40
#: values in one file, repeats by alias counted each time
MOST_VALUES = 100_000
LONGEST_NUMBER = 40

_TOP = Place(1, 1)
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d{1,2})?", re.ASCII)
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?(?:\.\d+|\d+(?:\.\d*)?)[eE][-+]?\d+", re.ASCII)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BEYOND_UNICODE = re.compile(r"\\U(?!000|0010)[0-9a-fA-F]{8}")
#: characters that neither YAML nor the databases behind us take
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class _Stop(Exception):
    """The rest of the file cannot be read; its problem has been noted."""


def read_yaml(data: bytes, found: Found) -> Node | None:
    """Read one document; None when it cannot be read at all.

    Every problem goes to ``found``. Any bytes are safe: the answer is a node or a problem, never an exception.
    """
    text = _decoded(data, found)
    if text is None:
        return None
    try:
        root = _Builder(found).build(_events(text, found))
    except _Stop:
        return None
    if root is None:
        found.add(_TOP, (), "the file is empty; see the reference page for its keys")
    elif root.entries is None:
        found.add(root.at, (), "the file must be a mapping: lines of the form key: value")
        return None
    return root


def _decoded(data: bytes, found: Found) -> str | None:
    if len(data) > LARGEST_BYTES:
        found.add(_TOP, (), f"the file has {len(data)} bytes; at most {LARGEST_BYTES} are read")
        return None
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        found.add(_place_of(good, len(good)), (), "the file is not UTF-8 text; save it as UTF-8")
        return None
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        message = f"character U+{ord(bad[0]):04X} cannot stand in a file; remove it"
        found.add(_place_of(text, bad.start()), (), message)
        return None
    return text


def _place_of(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _events(text: str, found: Found) -> Iterator[Any]:
    """Parse, with every way in which the parser can fail turned into a problem."""
    yaml = YAML(typ="safe", pure=True)
    try:
        yield from yaml.parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = ", ".join(part for part in (error.context, error.problem) if part)
        found.add(_mark(mark), (), f"not YAML: {_one_line(words)}")
        raise _Stop from error
    except ReaderError as error:
        found.add(_place_of(text, error.position or 0), (), "a character here cannot stand in a file; remove it")
        raise _Stop from error
    except YAMLError as error:
        found.add(_TOP, (), f"not YAML: {_one_line(str(error))}")
        raise _Stop from error
    except (ValueError, OverflowError) as error:  # escapes beyond Unicode, version numbers beyond reason
        beyond = _BEYOND_UNICODE.search(text)
        place = _place_of(text, beyond.start()) if beyond else _TOP
        found.add(place, (), "not YAML: a number or an escaped character is out of range")
        raise _Stop from error


def _one_line(words: str) -> str:
    return " ".join(words.split())[:200]


def _mark(mark: Any) -> Place:
    return _TOP if mark is None else Place(mark.line + 1, mark.column + 1)


class _Open:
    """A list or mapping whose end has not been read yet."""

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        #: the key read last, waiting for its value; None when a key is expected
        self.key: tuple[str | int, Place] | None = None
        #: False: the value about to come belongs to a refused key
        self.wanted = True


class _Builder:
    """Build nodes from parse events without recursion, so that no depth can overflow the stack."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._values = 0
        self._documents = 0

    def build(self, events: Iterator[Any]) -> Node | None:
        for event in events:
            match event:
                case DocumentStartEvent():
                    self._document(event)
                case MappingStartEvent() | SequenceStartEvent():
                    self._begin(event)
                case MappingEndEvent() | SequenceEndEvent():
                    self._end()
                case ScalarEvent():
                    self._scalar(event)
                case AliasEvent():
                    self._alias(event)
        return self._root

    def _document(self, event: DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(
                _mark(event.start_mark), (), "the file has several documents; keep one and remove the --- lines"
            )
        if event.version not in (None, (1, 2)):
            self._refuse(_mark(event.start_mark), (), "only YAML 1.2 is read; remove the %YAML line")

    def _refuse(self, place: Place, path: Path, message: str) -> None:
        self._found.add(place, path, message)
        raise _Stop

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        place = _mark(event.start_mark)
        if self._expects_key():
            self._refuse(place, self._open[-1].node.path, "a key must be text or a whole number, not a list or mapping")
        if len(self._open) >= DEEPEST:
            self._refuse(place, self._path(), f"nested more than {DEEPEST} levels deep")
        is_mapping = isinstance(event, MappingStartEvent)
        node = Node(self._path(), place, self._key_place(place))
        if is_mapping:
            node.entries = {}
        else:
            node.items = []
        self._check_tag(event, node)
        self._attach(node)
        self._open.append(_Open(node, event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        if done.anchor:
            self._anchors[done.anchor] = done.node

    def _scalar(self, event: ScalarEvent) -> None:
        place = _mark(event.start_mark)
        if self._expects_key():
            self._key(event, place)
            return
        node = Node(self._path(), place, self._key_place(place))
        self._check_tag(event, node)
        node.value = self._resolved(event, node.path, place)
        self._attach(node)
        if event.anchor:
            self._anchors[event.anchor] = node

    def _alias(self, event: AliasEvent) -> None:
        place = _mark(event.start_mark)
        if self._expects_key():
            self._refuse(place, self._open[-1].node.path, "a key cannot be an alias; write it out")
        target = self._anchors.get(event.anchor or "")
        if target is None:
            self._refuse(place, self._path(), f"*{event.anchor} names no anchor that ends above it")
            return
        self._attach(self._copied(target, self._path(), self._key_place(place)))

    def _copied(self, node: Node, path: Path, key_at: Place) -> Node:
        """Repeat an anchored value under another path; its parts keep the places where they are written."""
        self._count(node.at, path)
        copy = Node(path, node.at, key_at, node.value)
        if node.entries is not None:
            copy.entries = {key: self._copied(child, (*path, key), child.key_at) for key, child in node.entries.items()}
        if node.items is not None:
            copy.items = [self._copied(child, (*path, index), child.at) for index, child in enumerate(node.items)]
        if len(path) > DEEPEST:
            self._refuse(node.at, path[:3], f"nested more than {DEEPEST} levels deep")
        return copy

    def _key(self, event: ScalarEvent, place: Place) -> None:
        top = self._open[-1]
        entries = top.node.entries
        assert entries is not None
        key = self._resolved(event, top.node.path, place)
        if event.anchor or (event.tag and event.tag != "!"):
            self._refuse(place, top.node.path, "a key cannot carry an anchor or a tag")
        top.wanted = False
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            self._found.add(place, top.node.path, f"key {event.value!r} is no text; put it in quotes")
            top.key = (str(event.value), place)
            return
        if key in entries:
            first = entries[key].key_at.line
            self._found.add(place, (*top.node.path, key), f"key appears twice, first in line {first}; remove one")
        else:
            top.wanted = True
        top.key = (key, place)

    def _expects_key(self) -> bool:
        return bool(self._open) and self._open[-1].node.entries is not None and self._open[-1].key is None

    def _path(self) -> Path:
        if not self._open:
            return ()
        top = self._open[-1]
        step = len(top.node.items) if top.node.items is not None else top.key[0] if top.key else ""
        return (*top.node.path, step)

    def _key_place(self, place: Place) -> Place:
        key = self._open[-1].key if self._open else None
        return key[1] if key else place

    def _count(self, place: Place, path: Path) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            self._refuse(place, path[:3], f"more than {MOST_VALUES} values, repeats by alias counted each time")

    def _attach(self, node: Node) -> None:
        self._count(node.at, node.path)
        if not self._open:
            self._root = node
            return
        top = self._open[-1]
        if top.node.items is not None:
            top.node.items.append(node)
        elif top.key is not None and top.node.entries is not None:
            if top.wanted:
                top.node.entries[top.key[0]] = node
            top.key = None

    def _check_tag(self, event: NodeEvent, node: Node) -> None:
        tag = getattr(event, "tag", None)
        if tag and tag != "!":
            self._found.add(node.at, node.path, "tags (words beginning with !) are not read; remove it")

    def _resolved(self, event: ScalarEvent, path: Path, place: Place) -> Scalar:
        text: str = event.value
        if event.style is not None:
            bad = _UNPRINTABLE.search(text)
            if bad is not None:
                self._found.add(place, path, f"escaped character U+{ord(bad[0]):04X} cannot be stored; remove it")
                return _UNPRINTABLE.sub("", text)
            return text
        return self._plain(text, path, place)

    def _plain(self, text: str, path: Path, place: Place) -> Scalar:
        if text in _NULLS:
            return None
        if text in _TRUTHS:
            return _TRUTHS[text]
        is_number = _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text) or _OTHER_BASE.fullmatch(text)
        if is_number and len(text) <= LONGEST_NUMBER:
            if _OTHER_BASE.fullmatch(text):
                return int(text[2:], {"o": 8, "x": 16}[text[1]])
            return int(text) if _INTEGER.fullmatch(text) else Decimal(text)
        if is_number or _NO_NUMBER.fullmatch(text):
            self._found.add(
                place, path, "the number is too long or not finite; put it in quotes if it is meant as text"
            )
            return 0
        return text
