"""scoring.yaml, part ``bots``: which clicks and opens are a machine's, so that they count for nothing.

Two signs of three are needed (``signs``), because each alone can be a person's: somebody who has the message open when
it arrives clicks within seconds and then reads; somebody opens two links side by side; somebody follows a link to a
page that is not watched.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from connector.mapping.values import OneOrMany, Part, Span, Whole

_T = TypeVar("_T")
_HOUR = timedelta(hours=1)


def _off(value: object) -> object:
    """Read ``none`` as switched off; nothing at all is no way of saying so."""
    if value is None:
        raise ValueError("null says nothing; write none to switch the pattern off")
    return None if value == "none" else value


class _OffSchema:
    """Let a schema say ``none`` where a pattern can be switched off."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        found = handler(schema)
        kinds = found.pop("anyOf", [found])
        return {"anyOf": [*(kind for kind in kinds if kind.get("type") != "null"), {"const": "none"}]}


OrOff = Annotated[_T | None, BeforeValidator(_off), _OffSchema()]


class LinksAtOnce(Part):
    """Several different links of one message, followed within a few seconds."""

    count: Whole = Field(2, ge=2, le=100, description="how many different links at least", examples=[2])
    within: Span = Field(
        timedelta(seconds=5), description="from the first of them to the last, both included", examples=["5s"]
    )


class PagesAtOnce(Part):
    """More pages than anybody reads."""

    count: Whole = Field(20, ge=5, le=10_000, description="how many page views at least", examples=[20])
    within: Span = Field(
        timedelta(minutes=1), description="from the first of them to the last, both included", examples=["1m"]
    )


class Bots(Part):
    """What makes an event a machine's; ``none`` switches a pattern off."""

    fast: OrOff[Span] = Field(
        timedelta(seconds=10),
        description="sign 1: the click came so soon after the message was delivered, or sent where no delivery is "
        "known, or before its delivery",
        examples=["10s"],
    )
    links: OrOff[LinksAtOnce] = Field(
        LinksAtOnce(count=2, within=timedelta(seconds=5)),
        description="sign 2: several different links of the message were followed at once",
        examples=[{"count": 2, "within": "5s"}],
    )
    visit: OrOff[Span] = Field(
        timedelta(minutes=30),
        description="sign 3: the person viewed no page for so long after the click, nor before their next click; it "
        "speaks only from the first page view on that any system has told of",
        examples=["30m"],
    )
    signs: Literal[2, 3] = Field(
        2, description="how many of the three signs a click needs to be quarantined", examples=[2]
    )
    marked: OrOff[OneOrMany[str]] = Field(
        ("filtered", "machine"),
        description="words in an open's or click's value by which the system itself says that no person did it; such "
        "an event needs no further sign",
        examples=[["filtered"]],
    )
    pages: OrOff[PagesAtOnce] = Field(
        PagesAtOnce(count=20, within=timedelta(minutes=1)),
        description="page views of a crawler under somebody's cookie: so many within so little time",
        examples=[{"count": 20, "within": "1m"}],
    )

    @model_validator(mode="after")
    def _agree(self) -> Bots:
        on = [name for name in ("fast", "links", "visit") if getattr(self, name) is not None]
        if on and len(on) < self.signs:
            raise ValueError(
                f"only {' and '.join(on)} {'is' if len(on) == 1 else 'are'} on, but {self.signs} signs are needed: no "
                "click could ever be quarantined; switch on another, or all three off"
            )
        spans = {"fast": self.fast, "visit": self.visit}
        spans["links.within"] = None if self.links is None else self.links.within
        spans["pages.within"] = None if self.pages is None else self.pages.within
        for name, span in spans.items():
            limit = 24 * _HOUR if name == "visit" else _HOUR
            if span is not None and span > limit:
                raise ValueError(f"{name} is a pattern of machines: write at most {'24h' if name == 'visit' else '1h'}")
        return self

    @property
    def off(self) -> bool:
        """Whether nothing is looked for."""
        return all(value is None for value in (self.fast, self.links, self.visit, self.marked, self.pages))
