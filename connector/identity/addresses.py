"""The form in which two e-mail addresses are compared: what a provider ignores, comparing ignores."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

#: Mailboxes of one name under several domains, where dots in the name count for nothing ("Dots don't matter in Gmail
#: addresses", Gmail Help): domain → the domain it is compared as.
_DOTLESS: Final = {
    "gmail.com": "gmail.com",
    "googlemail.com": "gmail.com",
    "proton.me": "proton.me",
    "protonmail.com": "proton.me",
    "pm.me": "proton.me",
}
#: Providers that deliver ``name+anything`` to ``name``, dots counting. A company's own domain is in neither list: what
#: its server ignores nobody can know.
_TAGGED: Final = frozenset(
    [
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "hotmail.co.uk",
        "hotmail.fr",
        "hotmail.de",
        "hotmail.it",
        "hotmail.es",
        "live.co.uk",
        "live.fr",
        "live.nl",
        "outlook.de",
        "outlook.fr",
        "outlook.es",
        "icloud.com",
        "me.com",
        "mac.com",
        "fastmail.com",
        "fastmail.fm",
        "yandex.com",
        "yandex.ru",
        "zoho.com",
        "hey.com",
        "mailbox.org",
        "posteo.de",
        "gmx.com",
        "runbox.com",
    ]
)
_SAME_DOMAIN: Final = {"me.com": "icloud.com", "mac.com": "icloud.com"}


def lay_domains(con: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    """Make table ``mail_domain`` (host, compared, dotless, tagged): hosts of ``table.column`` that need a look."""
    rows = con.execute(
        f"SELECT DISTINCT lower(split_part(trim({column}), '@', -1)) AS host FROM {table}"
        f" WHERE contains({column}, '@') AND (regexp_matches({column}, '[^\\x00-\\x7f]') OR"
        f" contains(lower({column}), '@xn--') OR contains(lower({column}), '.xn--'))"
    ).fetchall()
    special = {host: (compared, True, True) for host, compared in _DOTLESS.items()}
    special |= {host: (_SAME_DOMAIN.get(host, host), False, True) for host in _TAGGED}
    special |= {host: (_ascii(host), False, False) for (host,) in rows if host}
    columns = list(zip(*((host, *told) for host, told in sorted(special.items())), strict=True))
    con.register("mail_domain_in", pa.table(columns, names=["host", "compared", "dotless", "tagged"]))
    con.execute("CREATE OR REPLACE TABLE mail_domain AS SELECT * FROM mail_domain_in")
    con.unregister("mail_domain_in")


def _ascii(host: str) -> str:
    """Write an internationalised domain as the net does; what is no domain stays as it is."""
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host


def compared(address: str, domain: str = "mail_domain") -> str:
    """Write the SQL expression that gives ``address`` (trimmed, lower case) as it is compared.

    ``domain`` is the alias of ``mail_domain`` joined by ``host = split_part(address, '@', -1)``.
    """
    local = f"left({address}, length({address}) - length({domain}.host) - 1)"
    bare = f"CASE WHEN {domain}.tagged THEN split_part({local}, '+', 1) ELSE {local} END"
    name = f"CASE WHEN {domain}.dotless THEN replace({bare}, '.', '') ELSE {bare} END"
    return (
        f"CASE WHEN {domain}.host IS NULL THEN nfc_normalize({address})"
        f" ELSE nfc_normalize(coalesce(nullif({name}, ''), {local})) || '@' || {domain}.compared END"
    )
