"""From the cells of a row to a person or an activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from adapters.files.settings import FilesSettings
from connector.domain.records import ACTIVITY_TYPES, Activity, RecordVersion, Value
from connector.domain.refs import Ref, digest, normal_email
from connector.errors import ConfigError

#: Columns that are no facts of a person but say what the row is.
_MARKS = ("person_id", "account_id", "deleted", "merged_into")
_TRUE = frozenset({"1", "true", "yes", "t", "y"})


class BadCells(ValueError):
    """A row whose cells do not make a person or an activity; ``code`` and message name the fault, never a value."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


class Times:
    """Reads times as people write them: ISO 8601 or one stated form; UTC where no zone is given."""

    def __init__(self, form: str = "") -> None:
        """Take ``form`` as strptime does; empty for ISO 8601."""
        self._form = form

    def read(self, text: Any, column: str) -> datetime:
        """Read one cell.

        Raises:
            BadCells: it is no time.
        """
        try:
            when = datetime.strptime(text, self._form) if self._form else datetime.fromisoformat(text)  # noqa: DTZ007
            return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            raise BadCells("time", f"{column} is no time") from None


class PeopleRows:
    """Reads rows of people with the columns of one file."""

    def __init__(self, settings: FilesSettings, *, system: str) -> None:
        """Prepare for any columns; ``bind`` says which."""
        self._settings = settings
        self._system = system
        self._times = Times(settings.time_format)
        self._heading = {heading: standard for standard, heading in settings.columns.items()}
        self._names: list[str] = []
        self._derived = [(dict(entry), number) for number, entry in enumerate(settings.activity_from, 1)]

    def bind(self, columns: Sequence[str], *, place: str = "") -> None:
        """Take over a file's columns; with ``place`` an unusable header is refused.

        Raises:
            ConfigError: neither person_id nor email is among them.
        """
        self._names = [self._heading.get(name, name) for name in columns]
        if place and not {"person_id", "email"} & set(self._names):
            raise ConfigError(
                "files.header",
                f"{place}: neither person_id nor email is among the columns",
                cure="name them under columns, e.g. {person_id: Prospect ID}",
            )

    def read(self, cells: Sequence[Any], modified_at: datetime) -> RecordVersion:
        """Make a version of a person; ``modified_at`` counts where the row has no updated_at.

        Raises:
            BadCells: the row names nobody, or a time cannot be read.
        """
        empty = self._settings.null_values
        fields: dict[str, Value] = dict(zip(self._names, cells, strict=False))
        for name, value in fields.items():
            if value == "" or value in empty:
                fields[name] = None
        get = fields.get
        person = get("person_id")
        id_ = str(person) if person is not None else normal_email(str(get("email") or ""))
        if not id_:
            raise BadCells("no_person", "the row has neither person_id nor email")
        created, updated = get("created_at"), get("updated_at")
        account, merged = get("account_id"), get("merged_into")
        deleted = str(get("deleted") or "").casefold() in _TRUE
        for name in _MARKS:
            fields.pop(name, None)
        return RecordVersion(
            Ref(self._system, "contact", id_),
            modified_at if updated is None else self._times.read(updated, "updated_at"),
            None if created is None else self._times.read(created, "created_at"),
            fields,
            {} if account is None else {"account": str(account)},
            deleted,
            Ref(self._system, "contact", str(merged)) if merged is not None else None,
        )

    def derived(self, person: RecordVersion) -> list[Activity]:
        """Give the activities that stand in a person's row (``activity_from``).

        Raises:
            BadCells: one of their times cannot be read.
        """
        found: list[Activity] = []
        for entry, number in self._derived:
            cell = {column: self._cell(person.fields, heading) for column, heading in entry.items() if column != "type"}
            occurred = cell.get("occurred_at")
            if occurred is None:
                continue
            found.append(
                _activity(
                    Ref(self._system, "activity", f"{person.ref.id}:{entry['type']}:{number}"),
                    entry["type"],
                    person.ref,
                    self._times.read(occurred, "occurred_at"),
                    [cell.get(column) for column in _COLUMNS[5:]],
                )
            )
        return found

    def _cell(self, fields: Mapping[str, Value], heading: str) -> Value:
        return fields.get(self._heading.get(heading, heading))


#: Columns of activities, in the order in which ``ActivityRows`` finds their cells.
_COLUMNS = (
    *("activity_id", "person_id", "email", "type", "occurred_at"),
    *("url", "path", "asset", "form", "campaign", "value", "subject"),
)


class ActivityRows:
    """Reads rows of activities with the columns of one file."""

    def __init__(self, settings: FilesSettings, *, system: str) -> None:
        """Prepare for any columns; ``bind`` says which."""
        self._settings = settings
        self._system = system
        self._times = Times(settings.time_format)
        self._heading = {heading: standard for standard, heading in settings.activity_columns.items()}
        self._places = [-1] * len(_COLUMNS)

    def bind(self, columns: Sequence[str], *, place: str = "") -> None:
        """Take over a file's columns; with ``place`` an unusable header is refused.

        Raises:
            ConfigError: type, occurred_at, or both person_id and email are missing.
        """
        names = [self._heading.get(name, name) for name in columns]
        # A missing column is read from behind the last cell, where ``read`` puts nothing.
        self._places = [names.index(name) if name in names else -1 for name in _COLUMNS]
        missing = [name for name in ("type", "occurred_at") if name not in names]
        if not {"person_id", "email"} & set(names):
            missing.append("person_id or email")
        if place and missing:
            raise ConfigError(
                "files.header",
                f"{place}: columns are missing: {', '.join(missing)}",
                cure="name them under activity_columns",
            )

    def read(self, cells: Sequence[Any]) -> Activity:
        """Make an activity. A row without activity_id is known by all of its cells: equal rows are one activity.

        Raises:
            BadCells: the row names nobody or an unknown type, or its time cannot be read.
        """
        empty = self._settings.null_values
        found = [None if cell in empty else cell for cell in cells] if empty else [*cells]
        found.append(None)
        id_, person, email, type_, occurred_at, *rest = [found[place] for place in self._places]
        if type_ not in ACTIVITY_TYPES:
            type_ = self._settings.types.get(str(type_))
            if type_ not in ACTIVITY_TYPES:
                raise BadCells("type", "the type is none of ours; see option types")
        if person is not None and person != "":
            ref = Ref(self._system, "contact", str(person))
        else:
            address = normal_email(str(email or ""))
            if not address:
                raise BadCells("no_person", "the row has neither person_id nor email")
            ref = Ref(self._system, "email", address)
        return _activity(
            Ref(self._system, "activity", str(id_) if id_ not in (None, "") else digest(*map(str, cells))),
            type_,
            ref,
            self._times.read(occurred_at, "occurred_at"),
            rest,
        )


def _activity(ref: Ref, type_: str, person: Ref, occurred_at: datetime, rest: Sequence[Any]) -> Activity:
    url, path, asset, form, campaign, value, subject = [
        None if cell is None or cell == "" else cell if isinstance(cell, str) else str(cell) for cell in rest
    ]
    if path is None and url is not None:
        path = _path_of(url)
    return Activity(ref, type_, person, occurred_at, url, path, asset, form, campaign, value, subject)


@lru_cache(maxsize=10_000)
def _path_of(url: str) -> str | None:
    """Give the path of an address; a file has few addresses and many visits to each."""
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return None
