"""The words of a SOQL query, and errors that point at one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.salesforce.errors import ApiError

TOKEN = re.compile(
    r"""(?P<space>\s+)
      |(?P<string>'(?:[^'\\]|\\.)*')
      |(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d))
      |(?P<date>\d{4}-\d\d-\d\d)
      |(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      |(?P<op><=|>=|!=|<>|=|<|>)
      |(?P<mark>[(),.])
      |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?::\d+)?)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
#: Characters of a statement.
LONGEST_STATEMENT = 100_000
#: A long line is shown this far around the place.
SHOWN_AROUND = 40


@dataclass(slots=True, frozen=True)
class Token:
    """One word with its place in the text."""

    kind: str
    text: str
    start: int

    @property
    def low(self) -> str:
        """Return the word in lower case."""
        return self.text.lower()


def at(text: str, start: int, words: str, code: str = "MALFORMED_QUERY") -> ApiError:
    """Return an error that points into the query as the vendor does: the line, a caret, row and column."""
    row = text.count("\n", 0, start) + 1
    line = text.rfind("\n", 0, start) + 1
    long = len(text) > 2 * SHOWN_AROUND
    first = max(line, start - SHOWN_AROUND) if long else line if row > 1 else 0
    shown = text[first : start + SHOWN_AROUND] if long else text[first:]
    caret = " " * (start - first) + "^"
    return ApiError(code, f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{start - line + 1}\n{words}")


def unescape(raw: str) -> str:
    """Return the text that a quoted string stands for."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), raw, flags=re.DOTALL)


def tokens_of(text: str) -> list[Token]:
    """Cut a query into words.

    Raises: ApiError MALFORMED_QUERY.
    """
    if len(text) > LONGEST_STATEMENT:
        raise ApiError("MALFORMED_QUERY", f"SOQL statements cannot be longer than {LONGEST_STATEMENT:,} characters.")
    found, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise at(text, place, f"line 1:{place} no viable alternative at character '{text[place]}'")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], place))
        place = match.end()
    return found


class Reader:
    """Go through the tokens of a query."""

    def __init__(self, text: str) -> None:
        """Cut the text.

        Raises: ApiError MALFORMED_QUERY.
        """
        self.text, self._tokens, self._next = text, tokens_of(text), 0

    def peek(self, ahead: int = 0) -> Token | None:
        """Return a token to come, or None behind the end."""
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def step(self, number: int = 1) -> None:
        """Leave tokens behind."""
        self._next += number

    def next_is(self, *words: str) -> bool:
        """Tell whether these words come next, whatever their case; a quoted text is no word."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token is None or token.kind == "string" or token.low != word:
                return False
        return True

    def unexpected(self) -> ApiError:
        """Return the error about the next token."""
        token = self.peek()
        if token is None:
            return at(self.text, len(self.text), "unexpected token: '<EOF>'")
        return at(self.text, token.start, f"unexpected token: '{token.text}'")

    def take(self, *words: str) -> None:
        """Leave these words behind.

        Raises: ApiError MALFORMED_QUERY when something else comes.
        """
        if not self.next_is(*words):
            raise self.unexpected()
        self._next += len(words)

    def maybe(self, *words: str) -> bool:
        """Leave these words behind if they come next, and tell whether they did."""
        if self.next_is(*words):
            self._next += len(words)
            return True
        return False

    def word(self) -> Token:
        """Take a name.

        Raises: ApiError MALFORMED_QUERY.
        """
        token = self.peek()
        if token is None or token.kind != "word":
            raise self.unexpected()
        self._next += 1
        return token

    def whole(self) -> int:
        """Take a whole number.

        Raises: ApiError MALFORMED_QUERY.
        """
        token = self.peek()
        if token is None or not token.text.isdigit():
            raise self.unexpected()
        self._next += 1
        return int(token.text)
