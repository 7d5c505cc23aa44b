"""Many rows of one object that came at once and hardly ever change: columns, made into records when asked for."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.core.columns import Column, Numbers, Uuids, unpacked
from sandbox.core.record import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Block:
    """Rows of one object, in the order of their creation; nobody has changed them since."""

    def __init__(self, obj: str, ids: Uuids, fields: Mapping[str, Column], stamps: NDArray[Any], by: str) -> None:
        """Take ids, values, and when each row was made (whole seconds since 1970, UTC) and by whom."""
        self.obj, self.ids, self.fields = obj, ids, dict(fields)
        self._stamps, self._by = stamps.astype(np.int64), by
        self._orders: dict[str, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._stamps)

    def record(self, row: int) -> Record:
        """Make the record of a row."""
        values = {name: value for name, column in self.fields.items() if (value := column.value(row)) is not None}
        stamp = datetime.fromtimestamp(self._stamps.item(row), UTC)
        return Record(self.obj, self.ids.value(row), values, stamp, self._by, stamp, self._by)

    def rows_with(self, name: str, value: Any) -> NDArray[np.int64]:
        """Return the rows whose field equals a value, ascending."""
        column = self.fields.get(name)
        return np.zeros(0, dtype=np.int64) if column is None else column.rows_with(value)

    def order_by(self, name: str) -> NDArray[np.int64]:
        """Return all rows by (a field of numbers, id)."""
        known = self._orders.get(name)
        if known is None:
            column = self.fields[name]
            assert isinstance(column, Numbers)
            high, low = self.ids.halves()
            known = self._orders[name] = np.lexsort((low, high, column.numbers)).astype(np.int64)
        return known

    def __iter__(self) -> Iterator[Record]:
        """Make every record."""
        return (self.record(row) for row in range(len(self)))

    # -- keeping -------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return all of it: the length of the description, the description as JSON, the arrays one behind the other."""
        parts = {"": self.ids.packed(), **{name: column.packed() for name, column in self.fields.items()}}
        arrays = {f"{name}|{key}": array for name, (_, held) in parts.items() for key, array in held.items()}
        arrays["stamps"] = self._stamps
        about = {
            "obj": self.obj,
            "by": self._by,
            "columns": {name: description for name, (description, _) in parts.items()},
            "arrays": [[key, array.dtype.str, len(array)] for key, array in arrays.items()],
        }
        head = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
        return struct.pack("<Q", len(head)) + head + b"".join(array.tobytes() for array in arrays.values())

    @classmethod
    def from_bytes(cls, data: bytes) -> Block:
        """Read what ``to_bytes`` returned."""
        (length,) = struct.unpack_from("<Q", data)
        about = json.loads(data[8 : 8 + length])
        place, arrays = 8 + length, {}
        for key, kind, count in about["arrays"]:
            arrays[key] = np.frombuffer(data, dtype=np.dtype(kind), count=count, offset=place)
            place += arrays[key].nbytes
        columns = {}
        for name, description in about["columns"].items():
            own = {key.partition("|")[2]: array for key, array in arrays.items() if key.partition("|")[0] == name}
            columns[name] = unpacked(description, own)
        ids = columns.pop("")
        assert isinstance(ids, Uuids)
        return cls(about["obj"], ids, columns, arrays["stamps"], about["by"])
