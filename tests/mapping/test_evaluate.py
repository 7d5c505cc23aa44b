"""The evaluator against a slow one that reads one value at a time."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.conditions import AllOf, AnyOf, Condition, Not, parse_condition
from connector.mapping.conditions import Test as Comparison  # a name that pytest does not collect
from connector.mapping.evaluate import Evaluator, evaluate, holds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDERS = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def slow_fold(text):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def slow_number(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, str):
        text = value.strip().lower()
        if len(text) <= 60 and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,2})?", text):
            return Decimal(text)
    return None


def slow_truth(text):
    return {"true": True, "yes": True, "false": False, "no": False}.get(slow_fold(text.strip()))


def slow_instant(value):
    """A date, an aware instant, or None."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return value if isinstance(value, date) else None


def at_midnight(value):
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)


def slow_equals(value, operand):
    if isinstance(value, str):
        if isinstance(operand, str):
            return slow_fold(value) == slow_fold(operand)
        return (slow_truth(value) if isinstance(operand, bool) else slow_number(value)) == operand
    if isinstance(value, bool):
        truth = slow_truth(operand) if isinstance(operand, str) else operand
        return isinstance(truth, bool) and truth == value
    if isinstance(value, (date, datetime)):
        wanted = slow_instant(operand) if isinstance(operand, str) else None
        if wanted is None:
            return False
        if isinstance(wanted, datetime):
            return isinstance(value, datetime) and slow_instant(value) == wanted
        return at_midnight(slow_instant(value)).date() == wanted
    number = slow_number(operand)
    return number is not None and slow_number(value) == number


def slow_finds(operator, value, operand):
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    text = slow_fold(value)
    if operator == "contains":
        return slow_fold(operand) in text
    if operator == "starts_with":
        return text.startswith(slow_fold(operand))
    return re.search(operand, text, re.IGNORECASE | re.ASCII) is not None


def slow_test(test, row):
    value = row.get(test.field)
    unknown = value is None or value != value or value in (float("inf"), float("-inf"))
    unknown = unknown or (isinstance(value, str) and not value.strip())
    operator, operand = test.operator, test.operand
    if operator == "known":
        return operand != unknown
    if unknown:
        return None
    if operator in ("is", "is_not"):
        return slow_equals(value, operand) == (operator == "is")
    if operator in ("in", "not_in"):
        return any(slow_equals(value, item) for item in operand) == (operator == "in")
    if operator in ("contains", "starts_with", "matches"):
        return slow_finds(operator, value, operand)
    if operator == "within":
        at = slow_instant(value)
        return None if at is None else timedelta(0) <= NOW - at_midnight(at) <= operand
    number = None if isinstance(value, (date, datetime)) else slow_number(value)
    if number is None:
        return None
    if operator == "between":
        return operand[0] <= number <= operand[1]
    return ORDERS[operator](number, operand)


def slow(condition, row):
    match condition:
        case Comparison():
            return slow_test(condition, row)
        case Not(part):
            answer = slow(part, row)
            return None if answer is None else not answer
        case AllOf(parts):
            answers = [slow(part, row) for part in parts]
            return False if False in answers else None if None in answers else True
        case AnyOf(parts):
            answers = [slow(part, row) for part in parts]
            return True if True in answers else None if None in answers else False


words = st.sampled_from(
    [
        *["VP Sales", "vp sales", "Straße", "STRASSE", "ﬁn", "fin", "\uff21\uff22\uff23", "abc", "İ", "é", "e\u0301"],
        *["", "  ", "\x1c\t", "200", " 200 ", "2e2", "0200", "1,000", "-0", "true", "No", "DE"],
        *["2026-02-20", "2026-02-20T10:00:00Z", "20260220"],
    ]
)
texts = words | st.text(max_size=6)
numbers = (
    st.decimals(-1000, 1000, allow_nan=False, allow_infinity=False, places=2)
    | st.sampled_from(
        [Decimal("0.1"), Decimal("0.3"), Decimal("1e25"), Decimal("-1e25"), Decimal("0.30000000000000004")]
    )
    | st.integers(-3, 3).map(Decimal)
    | st.sampled_from([Decimal(2**63), Decimal(2**63 - 1), Decimal(-(2**63)), Decimal("9.007199254740993e15")])
)
instants = st.datetimes(datetime(2025, 12, 1), datetime(2026, 4, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
COLUMNS = {
    "text": (pa.string(), texts),
    "view": (pa.string_view(), texts),
    "large": (pa.large_string(), texts),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), texts),
    "integer": (pa.int64(), st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)),
    "byte": (pa.uint8(), st.integers(0, 255)),
    "money": (pa.decimal128(9, 2), st.decimals(-1000, 1000, places=2, allow_nan=False)),
    "double": (pa.float64(), st.floats() | st.sampled_from([0.1, 0.3, 0.1 + 0.2, 200.0])),
    "truth": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), instants.map(datetime.date)),
    "instant": (pa.timestamp("us", "UTC"), instants),
    "nothing": (pa.null(), st.none()),
}
scalars = texts | numbers | st.booleans()
patterns = st.sampled_from([r"\bvp\b", "VP|chief", r"^\s*$", "^a.c$", r"\d{3}", r"[A-F]", r"\Bp"])


@st.composite
def single_tests(draw):
    field = draw(st.sampled_from([*COLUMNS, "absent"]))
    operator = draw(
        st.sampled_from(
            ["is", "is_not", "in", "not_in", "contains", "starts_with", "matches", "gt", "gte", "lt", "lte"]
        )
        | st.sampled_from(["between", "known", "within"])
    )
    operand = {
        "is": scalars,
        "is_not": scalars,
        "in": st.lists(scalars, min_size=1, max_size=4).map(tuple),
        "not_in": st.lists(scalars, min_size=1, max_size=4).map(tuple),
        "contains": texts.filter(bool),
        "starts_with": texts.filter(bool),
        "matches": patterns,
        "between": st.tuples(numbers, numbers),
        "known": st.booleans(),
        "within": st.integers(0, 90).map(lambda days: timedelta(days=days)),
    }.get(operator, numbers)
    return Comparison(field, operator, draw(operand))


conditions = st.recursive(
    single_tests(),
    lambda inner: (
        inner.map(Not) | st.lists(inner, max_size=3).map(tuple).flatmap(lambda p: st.sampled_from([AllOf(p), AnyOf(p)]))
    ),
    max_leaves=5,
)
rows = st.lists(st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()}), max_size=6)


def table_of(data) -> pa.Table:
    schema = pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()])
    return pa.table({field.name: pa.array([row[field.name] for row in data], field.type) for field in schema})


@settings(max_examples=300, deadline=None)
@given(rows, conditions)
def test_agrees_with_a_slow_evaluator(data, condition):
    assert evaluate(condition, table_of(data), now=NOW).to_pylist() == [slow(condition, row) for row in data]


@settings(max_examples=50, deadline=None)
@given(rows, rows, conditions)
def test_chunks_do_not_matter(first, second, condition):
    together = pa.concat_tables([table_of(first), table_of(second)])
    apart = [evaluate(condition, table_of(part), now=NOW).to_pylist() for part in (first, second)]
    assert evaluate(condition, together, now=NOW).to_pylist() == apart[0] + apart[1]


def answer(when: object, **facts: object) -> bool | None:
    return evaluate(parse_condition(when), pa.table({key: [value] for key, value in facts.items()}), now=NOW)[0].as_py()


@pytest.mark.parametrize(
    ("when", "facts", "expected"),
    [
        ({"title": {"matches": r"\bVP\b"}}, {"title": "Senior vp, Sales"}, True),
        ({"title": {"matches": r"\bvp\b"}}, {"title": "vpx"}, False),
        ({"title": {"is_not": "VP"}}, {"title": None}, None),
        ({"title": {"not_in": ["VP"]}}, {"title": " "}, None),
        ({"title": {"known": False}}, {"title": " "}, True),
        ({"title": {"known": True}}, {}, False),
        ({"country": "DE"}, {"country": "\uff44\uff45"}, True),
        ({"employees": {"gte": 200}}, {"employees": "200"}, True),
        ({"employees": {"gte": 200}}, {"employees": "200-499"}, None),
        ({"employees": 200}, {"employees": "200-499"}, False),
        ({"share": {"gte": 0.3}}, {"share": 0.3}, True),
        ({"share": {"is": 0.3}}, {"share": 0.1 + 0.2}, False),
        ({"opted_in": True}, {"opted_in": "Yes"}, True),
        ({"opted_in": "yes"}, {"opted_in": True}, True),
        ({"opted_in": True}, {"opted_in": 1}, False),
        ({"seen": {"within": "30d"}}, {"seen": NOW - timedelta(days=30)}, True),
        ({"seen": {"within": "30d"}}, {"seen": NOW - timedelta(days=30, microseconds=1)}, False),
        ({"seen": {"within": "30d"}}, {"seen": NOW + timedelta(seconds=1)}, False),
        ({"seen": {"within": "30d"}}, {"seen": "2026-02-20"}, True),
        ({"seen": {"within": "30d"}}, {"seen": "last week"}, None),
        ({"seen": "2026-02-20"}, {"seen": datetime(2026, 2, 20, 23, tzinfo=UTC)}, True),
        ({"any": [{"a": 1}, {"b": 1}]}, {"a": None, "b": 1}, True),
        ({"all": [{"a": 1}, {"b": 1}]}, {"a": None, "b": 2}, False),
        ({"not": {"a": 1}}, {"a": None}, None),
        ({"zip": {"starts_with": "12"}}, {"zip": 12345}, True),
    ],
)
def test_cases(when, facts, expected):
    assert answer(when, one=1, **facts) is expected


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [r"\bvp\b", "VP|chief", r"^\s*$", "^a.c$", r"\d{3}", r"[A-F]+", r"\Bp", "é", r"\pL{2}", "(?s)a.b", "ß"]
    ),
    texts.filter(str.strip),
)
def test_patterns_are_re2(pattern, text):
    options = re2.Options()
    options.case_sensitive = False
    expected = re2.compile(pattern, options).search(slow_fold(text)) is not None
    assert answer({"text": {"matches": pattern}}, text=text) is expected


def test_an_empty_condition_always_holds():
    assert evaluate(AllOf(()), pa.table({"a": [1, 2]}), now=NOW).to_pylist() == [True, True]
    assert evaluate(AllOf(()), pa.table({"a": pa.array([], pa.string())}), now=NOW).to_pylist() == []


def test_short_floats_stand_for_their_shortest_decimal():
    facts = pa.table({"share": pa.array([0.1], pa.float32())})
    assert evaluate(parse_condition({"share": 0.1}), facts, now=NOW).to_pylist() == [True]


def test_unknown_does_not_hold():
    assert holds(pa.array([True, None, False])).to_pylist() == [True, False, False]


def test_a_million_rows_and_twenty_tests():
    titles = [f"Vice President {index} Ünit" for index in range(50_000)]
    codes = pa.array([index % 50_000 for index in range(1_000_000)], pa.int32())
    facts = pa.table(
        {
            "title": pa.DictionaryArray.from_arrays(codes, titles).cast(pa.string()),
            "email": pa.array([f"p{index}@example.com" for index in range(1_000_000)]),
            "employees": pa.array(range(1_000_000)),
            "revenue": pa.array(range(1_000_000)).cast(pa.float64()),
        }
    )
    tests: list[Condition] = [parse_condition({"title": {"matches": rf"\b{index}\b"}}) for index in range(8)]
    tests += [parse_condition({"email": {"matches": rf"^p{index}.*example"}}) for index in range(4)]
    tests += [parse_condition({"employees": {"gte": index}}) for index in range(4)]
    tests += [parse_condition({"revenue": {"lt": index + 0.5}}) for index in range(4)]
    evaluator = Evaluator(facts, now=NOW)
    counts = [holds(evaluator.evaluate(test)).true_count for test in tests]
    assert counts[12:] == [1_000_000, 999_999, 999_998, 999_997, 1, 2, 3, 4]
