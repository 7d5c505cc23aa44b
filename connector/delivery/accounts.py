"""What is decided about accounts: their own fields, and what is remembered of them."""

from __future__ import annotations

from connector.delivery.ground import Ground
from connector.delivery.last_shown import as_last_shown
from connector.delivery.own_fields import own_fields
from connector.delivery.records import account_rows
from connector.delivery.shown import Shown
from connector.ports.store import OutboxRow


def decide_accounts(ground: Ground) -> tuple[list[OutboxRow], dict[str, str]]:
    """Decide what to write about the accounts alone: rows, and what is remembered of those that are news."""
    mapped = {n: f for n, f in ground.mappings.fields.crm.account.items() if f.write == "always"}
    if not mapped or not ground.accounts.num_rows:
        return [], {}
    accounts = ground.accounts
    step = ground.mappings.scoring.write_step
    own = own_fields(accounts, mapped, ground.info.get("account", {}), step=step, undone=ground.held_back(accounts))
    memory = {}
    news = (
        as_last_shown(accounts)
        .select(["account_id", "score.total", "grade", "reasons_key"])
        .filter(own.news)
        .to_pylist()
    )
    wanted = {name: values.filter(own.news).to_pylist() for name, values in own.wanted.items()}
    for at, row in enumerate(news):
        shown = Shown(total=row["score.total"], grade=row["grade"], record=f"account:{row['account_id']}")
        shown.reasons_key = row["reasons_key"]
        shown.fields = {name: values[at] for name, values in wanted.items()}
        memory[str(row["account_id"])] = shown.dump()
    return [row for row in account_rows(ground, own) if not ground.pending.repeats(row)], memory
