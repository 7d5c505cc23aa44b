"""The contract suite in one line per adapter; pytest is needed only here.

TestShopSource = source_contract(ShopBench)
TestShopCrm = crm_contract(ShopBench)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.conformance.bench import CrmBench, SourceBench
from adapters.conformance.crm_suite import CrmContract
from adapters.conformance.source_suite import SourceContract

#: A bench is built for each test, from an empty folder it may use.
SourceFactory = Callable[[Path], SourceBench]
CrmFactory = Callable[[Path], CrmBench]


def source_contract(make: SourceFactory) -> type[SourceContract]:
    """Give a class of tests that hold a source to its port; assign it to a name that begins with ``Test``."""

    class BoundSourceContract(SourceContract):
        @pytest.fixture
        def bench(self, tmp_path: Path) -> Iterator[SourceBench]:
            bench = make(tmp_path)
            yield bench
            bench.close()

    return BoundSourceContract


def crm_contract(make: CrmFactory) -> type[CrmContract]:
    """Give a class of tests that hold a CRM to its port; run ``source_contract`` over the same bench beside it."""

    class BoundCrmContract(CrmContract):
        @pytest.fixture
        def bench(self, tmp_path: Path) -> Iterator[CrmBench]:
            bench = make(tmp_path)
            yield bench
            bench.close()

    return BoundCrmContract
