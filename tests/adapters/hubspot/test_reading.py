"""Bytes become rows: the quick way and the slow one agree, and a bad row costs only itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hubspot.reading import PageReader, Record, from_ms, instant, read_json, to_ms

READ = PageReader(Record)
text = st.text(max_size=20)
rows = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(1, 10**12).map(str), "properties": st.dictionaries(text, st.none() | text, max_size=4)}
    ),
    max_size=6,
)


def clean(value):
    return "".join("\ufffd" if (c < " " and c not in "\t\n\r") or c == "\x7f" else c for c in value)


@given(rows=rows, ascii_only=st.booleans())
def test_what_goes_into_a_page_comes_out(rows, ascii_only):
    body = json.dumps({"total": len(rows), "results": rows}, ensure_ascii=ascii_only).encode()
    page = READ(body)
    assert not page.bad
    assert page.total == len(rows)
    told = [(row.id, {clean(k): v if v is None else clean(v) for k, v in row.properties.items()}) for row in page.rows]
    # a raw DEL is within JSON, and harmless
    meant = [
        (row["id"], {clean(k): v if v is None else clean(v) for k, v in row["properties"].items()}) for row in rows
    ]
    assert told == meant


@given(
    good=rows, place=st.integers(0, 6), junk=st.sampled_from([None, 7, "x", [], {}, {"id": "9"}, {"properties": {}}])
)
def test_a_bad_row_is_named_and_the_others_stay(good, place, junk):
    body = json.dumps({"results": [*good[:place], junk, *good[place:]]}).encode()
    page = READ(body)
    assert [row.id for row in page.rows] == [row["id"] for row in good]
    assert [bad.id for bad in page.bad] == ["9" if junk == {"id": "9"} else ""]


@pytest.mark.parametrize(
    ("inside", "meant"),
    [
        (b"a\\u0000b", "a\ufffdb"),
        (b"a\\ud800b", "a\ufffdb"),
        (b"a\x01b", "a\ufffdb"),
        (b"a\xffb", "a\ufffdb"),
        (b"\\ud83d\\ude00", "\N{GRINNING FACE}"),
        ("Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}".encode(), "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}"),
    ],
)
def test_text_no_database_takes_becomes_harmless(inside, meant):
    page = READ(b'{"results":[{"id":"1","properties":{"firstname":"' + inside + b'"}}]}')
    assert page.rows[0].properties == {"firstname": meant}


def test_numbers_where_text_is_promised_are_taken_as_text():
    page = READ(b'{"results":[{"id":512,"properties":{"score":3,"flag":true,"none":null}}]}')
    assert page.rows[0].id == "512"
    assert page.rows[0].properties == {"score": "3", "flag": "true", "none": None}


def test_a_record_of_five_megabytes_does_not_break_its_page():
    long = "x" * 5_000_000
    page = READ(
        json.dumps({"results": [{"id": "1", "properties": {"a": long}}, {"id": "2", "properties": {}}]}).encode()
    )
    assert [row.id for row in page.rows] + [bad.id for bad in page.bad] == ["2", "1"]


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"results":7}', b"{", b"<html>", b'{"results":[],"total":"many"}'])
def test_what_is_no_page_is_refused(body):
    with pytest.raises(ValueError):  # noqa: PT011 - the kinds of ValueError are json's and ours
        READ(body)


def test_deep_nesting_is_refused_not_fatal():
    with pytest.raises(ValueError, match="nested"):
        read_json(b"[" * 100_000 + b"]" * 100_000)


@given(st.integers(-62_000_000_000_000, 253_000_000_000_000))
def test_milliseconds_survive_the_way_there_and_back(milliseconds):
    assert to_ms(from_ms(milliseconds)) == milliseconds
    assert instant(from_ms(milliseconds).isoformat()) == from_ms(milliseconds)


def test_times_come_as_text_or_milliseconds():
    assert instant("2024-05-01T12:00:00.123Z") == instant("1714564800123")
    assert instant("soon") is None
    assert instant("") is None
    assert instant("9" * 30) is None
