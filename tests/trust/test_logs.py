"""A test that tries to leak: people and secrets under any key, in any place, by any door of the log."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from connector.logs import redact, redact_text, set_up_logs

_word = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=6, max_size=12).map(lambda text: "Q7" + text)
#: a secret and a text in which it hides
_leaks = st.one_of(
    _word.map(lambda word: (word, f"{word}@corp.example")),
    _word.map(lambda word: (word, f"Jane <{word}@corp.example>, and others")),
    _word.map(lambda word: (word, f"first.{word}+tag@mail.corp.example.")),
    _word.map(lambda word: (word, f"GET /people/{word}%40corp.example/events")),
    _word.map(lambda word: (word, f"https://api.example/people?q={word}&limit=1 gave 400")),
    _word.map(lambda word: (word, f"GET /crm/v3/objects?archived=false&after={word}")),
    _word.map(lambda word: (word, f"SELECT by /query/?q=SELECT+Id+WHERE+Name='{word}'")),
    _word.map(lambda word: (word, f"Authorization: Bearer {word}")),
    _word.map(lambda word: (word, f"bearer {word}")),
    _word.map(lambda word: (word, f"Authorization: Basic {word}==")),
    _word.map(lambda word: (word, f"token pat-eu1-{word}-1234 is old")),
    _word.map(lambda word: (word, f"session 00D000000000001!{word}.x_y")),
    _word.map(lambda word: (word, f'{{"access_token": "{word}", "n": 1}}')),
    _word.map(lambda word: (word, f"client_secret={word}&grant_type=x")),
    _word.map(lambda word: (word, f"assertion=eyJhbGciOi.{word}.sig")),
)
_keys = st.sampled_from(["event", "at", "message", "code", "url", "x", "exception"])
_shapes = st.sampled_from(
    [
        lambda text: text,
        lambda text: [text],
        lambda text: {"inner": {"deep": (text,)}},
        lambda text: {text: 1},
        ValueError,
        lambda text: {"set": {text}},
    ]
)


@given(_leaks, _keys, _shapes)
def test_nothing_leaks_from_any_place(leak: tuple[str, str], key: str, shape: Any) -> None:
    secret, text = leak
    event = redact(None, "info", {key: shape(text), "rows": 3})
    line = structlog.processors.JSONRenderer(sort_keys=True)(None, "info", event)
    assert secret not in str(line)
    assert event["rows"] == 3


@given(
    _word,
    st.sampled_from(
        ["email", "to_email", "token", "access_token", "Password", "first_name", "Phone", "api_key", "body"]
    ),
    st.booleans(),
)
def test_some_keys_never_have_a_value(secret: str, key: str, nested: bool) -> None:
    event = redact(None, "info", {"x": {key: secret}} if nested else {key: secret})
    assert secret not in json.dumps(event)


@pytest.mark.parametrize(
    "text",
    [
        "pull hubspot contacts 1200 rows",
        "hubspot: not let in (check the token)",
        "segment records/crm/lead/20260301T000000-abc.parquet is missing or corrupt",
        "https://api.hubapi.com/crm/v3/objects answered 502",
        "run 20260301T120000-1a2b3c4d ended green",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


def test_lines_of_our_own_are_json_without_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    try:
        _fail("no answer from https://api.example/x?email=jane@corp.example")
    except ValueError:
        structlog.get_logger().warning("mail to jane@corp.example", error="jane@corp.example", exc_info=True)
    captured = capsys.readouterr()
    event = json.loads(captured.err)
    assert "jane" not in captured.err
    assert captured.out == ""
    assert (event["level"], "ValueError" in event["exception"]) == ("warning", True)


def test_libraries_are_redacted_with_their_traces(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    try:
        _fail("GET https://api.example/x?email=jane@corp.example")
    except ValueError:
        logging.getLogger("urllib3").exception("retrying %s", "https://api.example/x?email=jane@corp.example")
    err = capsys.readouterr().err
    assert "retrying https://api.example/x" in err
    assert "ValueError" in err
    assert "jane" not in err


def _fail(message: str) -> None:
    raise ValueError(message)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Any:
    """Logging is one per process: hand it back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_why_a_cycle_works_everybody_can_be_read() -> None:
    event = redact(None, "info", {"everybody": "fields", "body": "x", "html_body": "x"})
    assert event == {"everybody": "fields", "body": "(redacted)", "html_body": "(redacted)"}
