"""When an account is ready for sales as a new lead, and when what happens there is news for whoever has the deal."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.conditions import Test
from connector.mapping.evaluate import Evaluator, evaluate
from connector.scoring.compile import CompiledModel
from connector.scoring.people.fit import fields_of

#: facts that ``ready_when`` sees beside the account's own → the column of the account's results
_SEEN = {
    "score": "score",
    "fit": "fit",
    "grade": "grade",
    "engaged_people": "engaged_people",
    "account.score": "score",
    "account.fit": "fit_letter",
    "account.grade": "grade",
    "account.engaged_people": "engaged_people",
    "account.buying_stage": "buying_stage",
    "account.too_hot": "too_hot",
    "account.early_alert": "early_alert",
    "account.open_opportunity": "open_opportunity",
    "account.customer": "customer",
    "account.decider": "roles",
    "account.influencer": "roles",
}


def with_readiness(scored: pa.Table, facts: pa.Table, model: CompiledModel, now: datetime) -> pa.Table:
    """Fill ``open_opportunity``, ``customer``, ``news`` and ``ready`` of the accounts (``ACCOUNTS``).

    ``facts`` has the accounts' own facts in the same order; ``ready`` comes as whether an engaged decider or influencer
    is there and nothing disqualifies. Without a condition nobody is ready.
    """
    rules, evaluator = model.account, Evaluator(facts, now=now)
    deal, customer = (
        evaluator.evaluate(Test(f"account.{name}", "is", True)) for name in ("open_opportunity", "customer")
    )
    nothing = pa.repeat(pa.scalar(False), scored.num_rows)
    news = pc.or_(
        pc.fill_null(deal, False) if rules.open_deal_is_news else nothing,
        pc.fill_null(customer, False) if rules.customer_is_news else nothing,
    )
    scored = _set(_set(_set(scored, "open_opportunity", deal), "customer", customer), "news", news)
    if rules.ready_when is None:
        return _set(scored, "ready", nothing)
    wanted = fields_of([rules.ready_when])
    seen = facts.select([name for name in wanted if name in facts.column_names and name not in _SEEN])
    for name in wanted:
        if name in _SEEN:
            column = scored.column(_SEEN[name])
            told = role_states(column, name.removeprefix("account.")) if _SEEN[name] == "roles" else column
            seen = seen.append_column(name, told)
    if not seen.num_columns:
        seen = facts.select(["account_id"])
    answer = pc.fill_null(evaluate(rules.ready_when, seen, now=now), False)
    return _set(scored, "ready", pc.and_(pc.and_(scored.column("ready"), answer), pc.invert(news)))


def role_states(roles: pa.ChunkedArray, role: str) -> pa.ChunkedArray:
    """Read out of ``roles`` (``{"decider": "engaged"}``) how one role stands; null where the model has none such."""
    return pc.struct_field(pc.extract_regex(roles, f'"{role}": "(?P<state>[a-z]+)"'), "state")


def _set(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), values)
