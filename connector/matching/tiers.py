"""The ways from a person to an account; each leaves rows in ``found`` with its confidence and evidence.

``found`` (person_id, tier, account_id, method, confidence, evidence, runner_up, verdict): verdict ``sure`` may be
accepted when the confidence suffices, ``weak`` only asked about when it reaches ``review``, ``shared`` always asked
about, ``torn`` always asked about and not overruled by later tiers.
"""

from __future__ import annotations

import duckdb

from connector.mapping.fields import AccountMatching
from connector.matching.ties import settle_ties

#: The confidence of each kind of answer. Links and answers of people are facts; the rest is set below the share of
#: right answers measured on public company lists (equal names: 1,003 of 1,006; with another form: 35 of 35).
LINKED = 1.0
MAIL_DOMAIN, WEB_DOMAIN = 0.98, 0.96
#: a stated rule chose among several carriers of the domain
RULED = 0.95
#: the top of a hierarchy stands for its members
PARENT = 0.93
#: several carriers, and no rule decides
UNDECIDED = 0.8
SAME_NAME, SAME_CORE, OTHER_FORM = 0.99, 0.98, 0.96
#: a stated rule chose among several accounts of one name
RULED_NAME = 0.93
#: the names agree and the countries do not
ELSEWHERE = 0.85

#: the legal forms of two names (``u`` asked, ``n`` account) share one
SAME_FORM = "list_has_any(string_split(n.form, ' '), string_split(u.form, ' '))"
#: what agrees beside the name, the stronger the higher
AGREEMENT = (
    "32 * coalesce(a.phone = u.phone, false)::INT + 16 * (n.form <> '' AND " + SAME_FORM + ")::INT"
    " + 8 * coalesce(a.postal_code = u.postal_code, false)::INT + 4 * coalesce(a.city = u.city, false)::INT"
    " + 2 * coalesce(a.state = u.state, false)::INT + coalesce(a.country = u.country, false)::INT"
)

_ONE_OF = "CASE how WHEN 'only' THEN {only} WHEN 'tied' THEN {undecided} WHEN 'shared' THEN {undecided} "
_ONE_OF += "WHEN 'crowd' THEN {undecided} "
_ONE_OF += "WHEN 'parent' THEN {parent} ELSE {ruled} END"
HOW = (
    "CASE how WHEN 'only' THEN '' WHEN 'tied' THEN '; ' || rivals || ' accounts have it and no rule decides'"
    " WHEN 'shared' THEN '; ' || rivals || ' unrelated accounts have it'"
    " WHEN 'crowd' THEN '; its people belong to ' || rivals || ' unrelated accounts'"
    " WHEN 'parent' THEN '; top of the hierarchy of ' || rivals || ' accounts'"
    " ELSE '; ' || how || ' decides among ' || rivals END"
)


def by_link(con: duckdb.DuckDBPyConnection, tier: int) -> None:
    """Follow existing links to accounts that are there and not ruled out."""
    con.execute(
        "INSERT INTO found SELECT person_id, ?, link, 'link', ?, 'linked in the CRM', NULL, 'sure' FROM p"
        " JOIN a ON a.account_id = link"
        " WHERE NOT EXISTS (FROM answer WHERE answer = 'different' AND answer.person_id = p.person_id"
        " AND answer.account_id = link)",
        [tier, LINKED],
    )


def _any(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Say whether a table holds a row: where it does not, the statements behind it are not worth their planning."""
    return con.execute(f"SELECT count(*) > 0 FROM {table}").fetchall() == [(True,)]


def by_domain(con: duckdb.DuckDBPyConnection, tier: int, matching: AccountMatching) -> None:
    """Compare the domain of the e-mail, else of the person's website, with the accounts' domains.

    Among the carriers of a domain those with the very same host compete first. Where no rule decides, the one carrier
    whose name the person states is the answer.
    """
    con.execute(
        """
        CREATE OR REPLACE TABLE host_unit AS
        SELECT person_id, refuser || chr(31) || host AS unit, host, domain, refuser, by_mail
        FROM (
            SELECT person_id, refuser, coalesce(m.host, w.host) AS host, coalesce(m.domain, w.domain) AS domain,
                   m.host IS NOT NULL AS by_mail
            FROM p LEFT JOIN (FROM mail_host WHERE never = '') m ON m.written = p.mail
            LEFT JOIN (FROM web_host WHERE never = '') w ON w.written = p.web
        ) WHERE host IS NOT NULL
        """
    )
    if not _any(con, "host_unit"):
        return
    con.execute(
        """
        CREATE OR REPLACE TABLE host_candidate AS
        SELECT unit, account_id, max((h.host = u.host)::INT) AS grade
        FROM (SELECT DISTINCT unit, host, domain, refuser FROM host_unit) u JOIN account_host h USING (domain)
        WHERE NOT EXISTS (FROM answer WHERE answer = 'different' AND answer.person_id = u.refuser
                          AND answer.account_id = h.account_id)
        GROUP BY ALL
        """
    )
    if not _any(con, "host_candidate"):
        return
    settle_ties(con, "host_candidate", "host_settled", matching, suspect=True)
    _leave_crowds_open(con)
    _settle_by_name(con)
    sure = _ONE_OF.format(
        only=f"CASE WHEN by_mail THEN {MAIL_DOMAIN} ELSE {WEB_DOMAIN} END",
        undecided=UNDECIDED,
        parent=PARENT,
        ruled=RULED,
    )
    con.execute(
        f"""
        INSERT INTO found
        SELECT person_id, ?, coalesce(named, account_id), 'domain',
               CASE WHEN named IS NOT NULL THEN {RULED} ELSE {sure} END,
               CASE WHEN by_mail THEN 'e-mail domain ' ELSE 'website ' END || domain
                 || CASE WHEN named IS NOT NULL THEN '; the stated company name decides among ' || rivals
                         ELSE {HOW} END,
               CASE WHEN named IS NOT NULL AND named <> account_id THEN account_id ELSE runner_up END,
               CASE WHEN named IS NOT NULL THEN 'sure' WHEN how = 'tied' THEN 'torn'
                    WHEN how IN ('shared', 'crowd') THEN 'shared' ELSE 'sure' END
        FROM host_unit JOIN host_settled USING (unit) LEFT JOIN host_named USING (person_id)
        """,
        [tier],
    )


def _leave_crowds_open(con: duckdb.DuckDBPyConnection) -> None:
    """Let a domain decide nothing whose people belong to many accounts."""
    if _any(con, "crowd"):
        con.execute(
            "UPDATE host_settled SET how = 'crowd', rivals = families"
            " FROM (SELECT DISTINCT unit, families FROM host_unit JOIN crowd USING (domain)) u"
            " WHERE u.unit = host_settled.unit AND how NOT IN ('tied', 'shared')"
        )


def _settle_by_name(con: duckdb.DuckDBPyConnection) -> None:
    """Lay out ``host_named``: of several carriers of a domain the one whose name the person states."""
    con.execute(
        """
        CREATE OR REPLACE TABLE host_named AS
        SELECT person_id, max(c.account_id) AS named FROM host_unit JOIN host_settled s USING (unit)
        JOIN host_candidate c USING (unit) JOIN account_name n ON n.account_id = c.account_id
        JOIN p USING (person_id) JOIN spelling mine ON mine.written = p.company AND mine.key = n.key
        WHERE how IN ('tied', 'shared', 'crowd') GROUP BY person_id HAVING count(DISTINCT c.account_id) = 1
        """
    )


def by_name(con: duckdb.DuckDBPyConnection, tier: int, matching: AccountMatching) -> bool:
    """Compare company names in normal form; ``near_tier`` goes on where none is equal.

    Among accounts of one name, agreement of the whole name, telephone, legal form, postal code, city, state and country
    (in this order) is evidence. Give false where nobody states a name.
    """
    con.execute(
        """
        CREATE OR REPLACE TABLE name_unit AS
        SELECT person_id, concat_ws(chr(31), spelling.written, coalesce(p.country, ''), coalesce(p.state, ''),
                                    coalesce(p.city, ''), coalesce(p.postal_code, ''), coalesce(p.phone, ''),
                                    coalesce(m.label, w.label, ''), p.refuser) AS unit,
               key, core, full_name, form, spelling.written, country, state, city, postal_code, phone,
               coalesce(m.label, w.label) AS label, refuser
        FROM p JOIN spelling ON spelling.written = p.company
        LEFT JOIN (FROM mail_host WHERE never = '') m ON m.written = p.mail
        LEFT JOIN (FROM web_host WHERE never = '') w ON w.written = p.web
        WHERE key IS NOT NULL
        """
    )
    if not _any(con, "name_unit"):
        return False
    con.execute("CREATE OR REPLACE TABLE name_asked AS SELECT DISTINCT ON (unit) * EXCLUDE person_id FROM name_unit")
    con.execute(
        f"""
        CREATE OR REPLACE TABLE name_candidate AS
        SELECT unit, account_id, 64 * (n.full_name = u.full_name)::INT + {AGREEMENT} AS grade
        FROM name_asked u JOIN account_name n USING (key) JOIN a USING (account_id)
        WHERE NOT EXISTS (FROM answer WHERE answer = 'different' AND answer.person_id = u.refuser
                          AND answer.account_id = n.account_id)
        """
    )
    if not _any(con, "name_candidate"):
        con.execute("CREATE OR REPLACE TABLE name_settled (unit VARCHAR)")
        return True
    settle_ties(con, "name_candidate", "name_settled", matching, suspect=False)
    plain = (
        f"CASE WHEN n.full_name = u.full_name THEN {SAME_NAME}"
        f" WHEN n.form = '' OR u.form = '' OR {SAME_FORM} THEN {SAME_CORE} ELSE {OTHER_FORM} END"
    )
    only = (
        f"CASE WHEN length(a.country) = length(u.country) AND a.country <> u.country THEN {ELSEWHERE} ELSE {plain} END"
    )
    sure = _ONE_OF.format(only=only, undecided=UNDECIDED, parent=PARENT, ruled=RULED_NAME)
    con.execute(
        f"""
        INSERT INTO found
        SELECT person_id, ?, s.account_id, 'name', {sure}, 'same name: ' || a.name || {HOW}
                 || CASE WHEN u.form <> '' AND n.form <> '' AND NOT {SAME_FORM} THEN '; legal form differs' ELSE '' END
                 || CASE WHEN how = 'only' AND length(a.country) = length(u.country) AND a.country <> u.country
                         THEN '; in another country' ELSE '' END,
               runner_up, CASE WHEN how = 'tied' THEN 'torn' ELSE 'sure' END
        FROM name_unit u JOIN name_settled s USING (unit) JOIN a ON a.account_id = s.account_id
        JOIN account_name n ON n.account_id = s.account_id
        """,
        [tier],
    )
    return True
