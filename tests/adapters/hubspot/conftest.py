"""HubSpot accounts for tests of the CRM adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.survival import hubspot_account
from benchmarks.survival.hubspot_account import Account

Opener = Callable[..., Account]


@pytest.fixture
def open_account(tmp_path: Path) -> Iterator[Opener]:
    opened: list[Account] = []

    def start(*, unique_task_key: bool = True) -> Account:
        opened.append(hubspot_account.open_account(tmp_path / "account", unique_task_key=unique_task_key))
        return opened[-1]

    yield start
    for account in opened:
        account.close()


@pytest.fixture
def account(open_account: Opener) -> Account:
    account = open_account()
    account.provision()
    return account
