"""The ways from a person to an account; each leaves rows in ``found`` with its confidence and evidence.

``found`` (person_id, tier, account_id, method, confidence, evidence, runner_up, verdict): verdict ``sure`` may be
accepted when the confidence suffices, ``weak`` only asked about when it reaches ``review``, ``shared`` always asked
about, ``torn`` always asked about and not overruled by later tiers.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from connector.mapping.fields import TieBreak
from connector.matching.near import NearNames
from connector.matching.ties import settle_ties

#: The confidence of each kind of answer. Links and answers of people are facts; the rest is set below the share of
#: right answers measured on public company lists (exact names: 930 of 931 right).
LINKED = 1.0
MAIL_DOMAIN, WEB_DOMAIN = 0.98, 0.96
#: a stated rule chose among several carriers of the domain
RULED = 0.95
#: the top of a hierarchy stands for its members
PARENT = 0.93
#: several carriers, and no rule decides
UNDECIDED = 0.8
SAME_NAME, SAME_CORE, OTHER_FORM = 0.97, 0.95, 0.93
#: the names agree and the countries do not
ELSEWHERE = 0.85
#: near names never count for more than this
NEAR = 0.9

_ONE_OF = "CASE how WHEN 'only' THEN {only} WHEN 'tied' THEN {undecided} WHEN 'shared' THEN {undecided} "
_ONE_OF += "WHEN 'parent' THEN {parent} ELSE {ruled} END"
_HOW = (
    "CASE how WHEN 'only' THEN '' WHEN 'tied' THEN '; ' || rivals || ' accounts have it and no rule decides'"
    " WHEN 'shared' THEN '; ' || rivals || ' unrelated accounts have it'"
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


def by_domain(con: duckdb.DuckDBPyConnection, tier: int, order: tuple[TieBreak, ...]) -> None:
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
    settle_ties(con, "host_candidate", "host_settled", order, suspect=True)
    con.execute(
        """
        CREATE OR REPLACE TABLE host_named AS
        SELECT person_id, max(c.account_id) AS named FROM host_unit JOIN host_settled s USING (unit)
        JOIN host_candidate c USING (unit) JOIN account_name n ON n.account_id = c.account_id
        JOIN p USING (person_id) JOIN spelling mine ON mine.written = p.company AND mine.key = n.key
        WHERE how IN ('tied', 'shared') GROUP BY person_id HAVING count(DISTINCT c.account_id) = 1
        """
    )
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
                         ELSE {_HOW} END,
               CASE WHEN named IS NOT NULL AND named <> account_id THEN account_id ELSE runner_up END,
               CASE WHEN named IS NOT NULL THEN 'sure' WHEN how = 'tied' THEN 'torn'
                    WHEN how = 'shared' THEN 'shared' ELSE 'sure' END
        FROM host_unit JOIN host_settled USING (unit) LEFT JOIN host_named USING (person_id)
        """,
        [tier],
    )


def names_of_accounts(con: duckdb.DuckDBPyConnection) -> NearNames:
    """Index the names of the accounts, for near ones."""
    cores = con.execute("SELECT key, min(core) FROM account_name GROUP BY key ORDER BY key").fetchall()
    return NearNames(dict(cores))


def by_name(
    con: duckdb.DuckDBPyConnection, tier: int, order: tuple[TieBreak, ...], index: NearNames, *, review: float
) -> None:
    """Compare company names in normal form: equal ones are answers, near ones of at least ``review`` are questions.

    Among accounts of one name, agreement of the whole name, telephone, city and country (in this order) is evidence.
    """
    con.execute(
        """
        CREATE OR REPLACE TABLE name_unit AS
        SELECT person_id, concat_ws(chr(31), full_name, coalesce(country, ''), coalesce(state, ''), coalesce(city, ''),
                                    coalesce(phone, ''), refuser) AS unit,
               key, core, full_name, form, country, state, city, phone, refuser
        FROM p JOIN spelling ON spelling.written = p.company WHERE key IS NOT NULL
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE name_candidate AS
        SELECT unit, account_id, 16 * (n.full_name = u.full_name)::INT + 8 * coalesce(a.phone = u.phone, false)::INT
                 + 4 * coalesce(a.city = u.city, false)::INT + 2 * coalesce(a.state = u.state, false)::INT
                 + coalesce(a.country = u.country, false)::INT AS grade
        FROM (SELECT DISTINCT ON (unit) * FROM name_unit) u JOIN account_name n USING (key) JOIN a USING (account_id)
        WHERE NOT EXISTS (FROM answer WHERE answer = 'different' AND answer.person_id = u.refuser
                          AND answer.account_id = n.account_id)
        """
    )
    settle_ties(con, "name_candidate", "name_settled", order, suspect=False)
    plain = (
        f"CASE WHEN n.full_name = u.full_name THEN {SAME_NAME}"
        f" WHEN n.form = u.form OR n.form = '' OR u.form = '' THEN {SAME_CORE} ELSE {OTHER_FORM} END"
    )
    only = (
        f"CASE WHEN length(a.country) = length(u.country) AND a.country <> u.country THEN {ELSEWHERE} ELSE {plain} END"
    )
    sure = _ONE_OF.format(only=only, undecided=UNDECIDED, parent=PARENT, ruled=OTHER_FORM)
    con.execute(
        f"""
        INSERT INTO found
        SELECT person_id, ?, s.account_id, 'name', {sure}, 'same name: ' || a.name || {_HOW}
                 || CASE WHEN how = 'only' AND length(a.country) = length(u.country) AND a.country <> u.country
                         THEN '; in another country' ELSE '' END,
               runner_up, CASE WHEN how = 'tied' THEN 'torn' ELSE 'sure' END
        FROM name_unit u JOIN name_settled s USING (unit) JOIN a ON a.account_id = s.account_id
        JOIN account_name n ON n.account_id = s.account_id
        """,
        [tier],
    )
    _by_near_name(con, tier, index, review)


def _by_near_name(con: duckdb.DuckDBPyConnection, tier: int, index: NearNames, review: float) -> None:
    """Ask about near names, for people nobody has found an account for."""
    asked = con.execute(
        "SELECT DISTINCT key, core FROM name_unit WHERE unit NOT IN (SELECT unit FROM name_settled)"
        " AND person_id NOT IN (SELECT person_id FROM found WHERE verdict = 'sure') ORDER BY ALL"
    ).fetchall()
    rows = []
    for key, core in asked:
        # what counts for at most NEAR must look as near as that before it is worth a question
        best = index.best(core, at_least=review / NEAR if review < NEAR else 1.0)
        if best:
            rows.append((key, core, best[0], best[1], round(best[2] * NEAR, 4)))
    types = (pa.string(), pa.string(), pa.string(), pa.string(), pa.float64())
    names = ("key", "core", "near_key", "next_key", "confidence")
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    near = {name: pa.array(list(each), kind) for name, each, kind in zip(names, columns, types, strict=True)}
    con.register("near_in", pa.table(near))
    con.execute(
        """
        INSERT INTO found
        WITH first_account AS (SELECT key, min(account_id) AS account_id FROM account_name GROUP BY key)
        SELECT u.person_id, ?, one.account_id, 'name', near_in.confidence, 'near name: ' || a.name, other.account_id,
               'weak'
        FROM near_in JOIN name_unit u ON u.key = near_in.key AND u.core = near_in.core
        JOIN first_account one ON one.key = near_key JOIN a ON a.account_id = one.account_id
        LEFT JOIN first_account other ON other.key = next_key
        WHERE u.person_id NOT IN (SELECT person_id FROM found WHERE verdict = 'sure')
          AND NOT EXISTS (FROM answer WHERE answer = 'different' AND answer.person_id = u.refuser
                          AND answer.account_id = one.account_id)
        """,
        [tier],
    )
    con.unregister("near_in")
