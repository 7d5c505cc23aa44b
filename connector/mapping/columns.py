"""Columns of facts, each kind knowing how it is compared. Every answer is one nullable truth per row; null = unknown.

Text is folded once per distinct value and every test on it is answered on the distinct values, then spread over the
rows. Numbers are compared as written and exactly: 0.3 in a floating-point column is three tenths.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, reduce
from typing import Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.text import fold, fold_all, instant_of, midnight, number_of, truth_of

Order = Literal["gt", "gte", "lt", "lte"]
TextTest = Literal["contains", "starts_with", "matches"]
Scalar = str | Decimal | bool
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT64 = (-(2**63), 2**63 - 1)
_HOLDS: dict[Order, Callable[[Decimal, Decimal], bool]] = {
    "gt": Decimal.__gt__,
    "gte": Decimal.__ge__,
    "lt": Decimal.__lt__,
    "lte": Decimal.__le__,
}


class Column(Protocol):
    """One fact of every row."""

    def known(self) -> pa.BooleanArray:
        """Say where there is a value: not null, not blank, not NaN. Never null."""
        ...

    def equals(self, operand: Scalar, /) -> pa.BooleanArray:
        """Say where the value is the operand; a known value of another kind is not."""
        ...

    def among(self, operands: Sequence[Scalar], /) -> pa.BooleanArray:
        """Say where the value is one of at least one operand."""
        ...

    def orders(self, order: Order, operand: Decimal, /) -> pa.BooleanArray:
        """Compare as numbers; what is no number is unknown."""
        ...

    def finds(self, test: TextTest, operand: str, /) -> pa.BooleanArray:
        """Search folded text; what is no text is unknown."""
        ...

    def within(self, span: timedelta, now: datetime, /) -> pa.BooleanArray:
        """Say where ``0 <= now - value <= span``; what is no date is unknown, a date begins at midnight UTC."""
        ...


def constant(value: bool | None, rows: int) -> pa.BooleanArray:
    """Give the same answer for every row."""
    return pa.repeat(pa.scalar(value, type=pa.bool_()), rows)


class MissingColumn:
    """A fact nobody knows, or of a kind that cannot be compared; ``present`` says where there is a value at all."""

    def __init__(self, present: pa.BooleanArray) -> None:
        self._present = present

    def known(self) -> pa.BooleanArray:
        return self._present

    def equals(self, _operand: Scalar, /) -> pa.BooleanArray:
        return self._unknown()

    def among(self, operands: Sequence[Scalar], /) -> pa.BooleanArray:
        return reduce(pc.or_kleene, map(self.equals, operands))

    def orders(self, _order: Order, _operand: Decimal, /) -> pa.BooleanArray:
        return self._unknown()

    def finds(self, _test: TextTest, _operand: str, /) -> pa.BooleanArray:
        return self._unknown()

    def within(self, _span: timedelta, _now: datetime, /) -> pa.BooleanArray:
        return self._unknown()

    def _unknown(self) -> pa.BooleanArray:
        return constant(None, len(self._present))


class ValueColumn(MissingColumn):
    """An Arrow array whose nulls are unknown."""

    def __init__(self, values: pa.Array) -> None:
        super().__init__(pc.is_valid(values))
        self._values = values

    def _all_known(self, answer: bool) -> pa.BooleanArray:
        """Give one answer wherever there is a value."""
        return pc.if_else(self._present, answer, pa.scalar(None, type=pa.bool_()))


class TextColumn:
    """Text, answered on its distinct folded values."""

    def __init__(self, encoded: pa.DictionaryArray) -> None:
        self._codes = encoded.indices
        self._texts = fold_all(encoded.dictionary)

    def known(self) -> pa.BooleanArray:
        return pc.fill_null(self._spread(pc.is_valid(self._texts)), False)

    def equals(self, operand: Scalar) -> pa.BooleanArray:
        if isinstance(operand, str):
            return self._spread(pc.equal(self._texts, pa.scalar(fold(operand), type=self._texts.type)))
        reading = self._truths if isinstance(operand, bool) else self._numbers
        return self._spread(
            [None if text is None else read == operand for text, read in zip(self._plain, reading, strict=True)]
        )

    def among(self, operands: Sequence[Scalar]) -> pa.BooleanArray:
        folded = pa.array([fold(operand) for operand in operands if isinstance(operand, str)], type=self._texts.type)
        found = pc.if_else(pc.is_valid(self._texts), pc.is_in(self._texts, value_set=folded), None)
        others = [self.equals(operand) for operand in operands if not isinstance(operand, str)]
        return reduce(pc.or_kleene, others, self._spread(found))

    def orders(self, order: Order, operand: Decimal) -> pa.BooleanArray:
        holds = _HOLDS[order]
        return self._spread([None if number is None else holds(number, operand) for number in self._numbers])

    def finds(self, test: TextTest, operand: str) -> pa.BooleanArray:
        return self._spread(search(self._texts, test, operand))

    def within(self, span: timedelta, now: datetime) -> pa.BooleanArray:
        return self._spread([None if at is None else timedelta(0) <= now - at <= span for at in self._instants])

    def _spread(self, answers: pa.BooleanArray | list[bool | None]) -> pa.BooleanArray:
        if isinstance(answers, list):
            answers = pa.array(answers, type=pa.bool_())
        return pc.take(answers, self._codes)

    @cached_property
    def _plain(self) -> list[str | None]:
        texts: list[str | None] = self._texts.to_pylist()
        return texts

    @cached_property
    def _numbers(self) -> list[Decimal | None]:
        return [None if text is None else number_of(text) for text in self._plain]

    @cached_property
    def _truths(self) -> list[bool | None]:
        return [None if text is None else truth_of(text) for text in self._plain]

    @cached_property
    def _instants(self) -> list[datetime | None]:
        read = (None if text is None else instant_of(text) for text in self._plain)
        return [None if at is None else midnight(at) for at in read]


def search(folded: pa.Array, test: TextTest, operand: str) -> pa.BooleanArray:
    """Look for an operand in folded text. Patterns are RE2, found anywhere, and upper case in them means nothing."""
    match test:
        case "contains":
            return pc.match_substring(folded, pattern=fold(operand))
        case "starts_with":
            return pc.starts_with(folded, pattern=fold(operand))
        case "matches":
            # Arrow carries RE2 itself; folding a pattern would turn \B into \b, so case is ignored instead
            pattern = unicodedata.normalize("NFC", operand)
            return pc.match_substring_regex(folded, pattern=pattern, ignore_case=True)


class TruthColumn(ValueColumn):
    """True or false."""

    def equals(self, operand: Scalar) -> pa.BooleanArray:
        truth = truth_of(operand) if isinstance(operand, str) else operand
        return pc.equal(self._values, truth) if isinstance(truth, bool) else self._all_known(False)


class GridColumn(ValueColumn):
    """Whole numbers and decimals: multiples of ``10 ** -scale`` between two bounds, compared without rounding."""

    def __init__(self, values: pa.Array, scale: int, bounds: tuple[int, int]) -> None:
        super().__init__(values)
        self._scale = scale
        self._bounds = bounds

    def equals(self, operand: Scalar) -> pa.BooleanArray:
        number = _as_number(operand)
        exact = None if number is None else Fraction(number) * Fraction(10) ** self._scale
        if exact is None or exact.denominator != 1 or not self._bounds[0] <= exact <= self._bounds[1]:
            return self._all_known(False)
        return pc.equal(self._values, self._scalar(int(exact)))

    def orders(self, order: Order, operand: Decimal) -> pa.BooleanArray:
        exact = Fraction(operand) * Fraction(10) ** self._scale
        step = math.ceil(exact) if order in ("gte", "lt") else math.floor(exact)
        if not self._bounds[0] <= step <= self._bounds[1]:
            upward = order in ("gt", "gte")
            return self._all_known(upward == (step < self._bounds[0]))
        compare = {"gt": pc.greater, "gte": pc.greater_equal, "lt": pc.less, "lte": pc.less_equal}[order]
        return compare(self._values, self._scalar(step))

    def finds(self, test: TextTest, operand: str) -> pa.BooleanArray:
        if self._scale or not pa.types.is_integer(self._values.type):
            return self._unknown()
        return search(pc.cast(self._values, pa.string()), test, operand)

    def _scalar(self, steps: int) -> pa.Scalar:
        if pa.types.is_integer(self._values.type):
            return pa.scalar(steps, type=self._values.type)
        digits = tuple(map(int, str(abs(steps))))
        return pa.scalar(Decimal((int(steps < 0), digits, -self._scale)), type=self._values.type)


class FloatColumn(ValueColumn):
    """Doubles, each standing for its shortest decimal; NaN and infinities are unknown.

    For the double f nearest to the operand, x < f means "less" and x > f means "more", because rounding is monotonic;
    only x = f needs the decimals compared.
    """

    def __init__(self, values: pa.Array) -> None:
        super().__init__(pc.if_else(pc.is_finite(values), values, pa.scalar(None, type=pa.float64())))

    def equals(self, operand: Scalar) -> pa.BooleanArray:
        number = _as_number(operand)
        if number is None or Decimal(repr(float(number))) != number:
            return self._all_known(False)
        return pc.equal(self._values, float(number))

    def orders(self, order: Order, operand: Decimal) -> pa.BooleanArray:
        nearest = float(operand)
        included = _HOLDS[order](Decimal(repr(nearest)), operand)
        if order in ("gt", "gte"):
            compare = pc.greater_equal if included else pc.greater
        else:
            compare = pc.less_equal if included else pc.less
        return compare(self._values, nearest)


class InstantColumn(ValueColumn):
    """Dates and instants, held as microseconds since 1970 UTC; instants without a zone are UTC."""

    def __init__(self, values: pa.Array) -> None:
        self._dates = pa.types.is_date(values.type)
        zone = None if self._dates else values.type.tz
        instants = pc.cast(values, pa.timestamp("us", zone), safe=False)
        super().__init__(pc.cast(instants, pa.int64()))

    def equals(self, operand: Scalar) -> pa.BooleanArray:
        wanted = instant_of(operand) if isinstance(operand, str) else None
        if wanted is None or (self._dates and isinstance(wanted, datetime)):
            return self._all_known(False)
        first = (midnight(wanted) - _EPOCH) // _MICROSECOND
        if isinstance(wanted, datetime):
            return pc.equal(self._values, pa.scalar(first, type=pa.int64()))
        return self._between(first, first + timedelta(days=1) // _MICROSECOND - 1)

    def within(self, span: timedelta, now: datetime) -> pa.BooleanArray:
        last = (now - _EPOCH) // _MICROSECOND
        return self._between(last - span // _MICROSECOND, last)

    def _between(self, first: int, last: int) -> pa.BooleanArray:
        bounds = [pa.scalar(min(max(bound, _INT64[0]), _INT64[1]), type=pa.int64()) for bound in (first, last)]
        return pc.and_(pc.greater_equal(self._values, bounds[0]), pc.less_equal(self._values, bounds[1]))


def _as_number(operand: Scalar) -> Decimal | None:
    if isinstance(operand, bool):
        return None
    return number_of(operand) if isinstance(operand, str) else operand


def column_of(chunks: pa.ChunkedArray | None, rows: int) -> Column:
    """Wrap one column of a table, or none, by its Arrow type."""
    if chunks is None or pa.types.is_null(chunks.type):
        return MissingColumn(constant(False, rows))
    kind = chunks.type
    if pa.types.is_dictionary(kind):
        if _is_text(kind.value_type):
            return TextColumn(_joined(chunks.unify_dictionaries()))
        chunks = chunks.cast(kind.value_type)
        kind = chunks.type
    if pa.types.is_string_view(kind):
        chunks = chunks.cast(pa.string())
        kind = chunks.type
    if _is_text(kind):
        return TextColumn(_joined(chunks.dictionary_encode().unify_dictionaries()))
    return _value_column(_joined(chunks))


def _value_column(values: pa.Array) -> Column:
    kind = values.type
    if pa.types.is_boolean(kind):
        return TruthColumn(values)
    if pa.types.is_integer(kind):
        signed = pa.types.is_signed_integer(kind)
        bits = kind.bit_width - signed
        return GridColumn(values, 0, (-(2**bits) if signed else 0, 2**bits - 1))
    if pa.types.is_decimal(kind):
        return GridColumn(values, kind.scale, (1 - 10**kind.precision, 10**kind.precision - 1))
    if pa.types.is_float64(kind):
        return FloatColumn(values)
    if pa.types.is_floating(kind):
        # by way of text: the shortest decimal of a short float, not the long tail of its binary value
        return FloatColumn(pc.cast(pc.cast(pc.cast(values, pa.float32()), pa.string()), pa.float64()))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return InstantColumn(values)
    return MissingColumn(pc.is_valid(values))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _joined(chunks: pa.ChunkedArray) -> pa.Array:
    return chunks.combine_chunks()
