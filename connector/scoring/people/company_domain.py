"""The fact ``domain``: which company's address somebody writes from."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.company_domains import NeverMatched, mail_host, registrable, web_host


def with_domain(people: pa.Table) -> pa.Table:
    """Add ``domain``, the registrable domain of the e-mail address, else of the website, unless it is there.

    Free and throw-away mail says nothing about a company: such a domain is unknown.
    """
    if "domain" in people.column_names:
        return people
    domain = pa.chunked_array([pa.nulls(people.num_rows, pa.string())])
    for column, company in (("email", _of_address), ("website", _of_website)):
        if column in people.column_names:
            domain = pc.coalesce(domain, _distinct(people.column(column).cast(pa.string()), company))
    return people.append_column("domain", domain)


def _distinct(values: pa.ChunkedArray, company: Callable[[str], str | None]) -> pa.ChunkedArray:
    """Ask once per distinct value."""
    encoded = values.dictionary_encode().unify_dictionaries()
    texts = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    answers = pa.array([company(text) for text in texts], pa.string())
    return pa.chunked_array([answers.take(chunk.indices) for chunk in encoded.chunks], pa.string())


@cache
def _never() -> NeverMatched:
    return NeverMatched()


def _of_address(address: str) -> str | None:
    return _company(mail_host(address.rpartition("@")[2])) if "@" in address else None


def _of_website(website: str) -> str | None:
    return _company(web_host(website))


def _company(host: str) -> str | None:
    domain = registrable(host) if host else ""
    return None if not domain or host in _never() or domain in _never() else domain
