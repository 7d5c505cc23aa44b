from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# tests are no package; the random worlds and their reference stand beside the tests of scoring
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "scoring"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a standalone cluster; one for all tests, which xdist keeps together."""
    from spark_cluster import running_cluster

    from connector.scoring.engines.spark_session import end_session

    with running_cluster(tmp_path_factory.mktemp("cluster")) as master:
        yield master
        end_session()


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")
