"""Numbers of 64 bits for source identities: what stands for them wherever hits are kept."""

from __future__ import annotations

import os
import threading

import duckdb
import numpy as np
import pyarrow as pa

from connector.scoring.hits.counting import Keys

#: which build of the engine hashes: numbers of another one are not ours
HASHED_BY = f"duckdb {duckdb.__version__}"
_lock = threading.Lock()
_engine: tuple[int, duckdb.DuckDBPyConnection] | None = None


def key_sql(system: str, object_: str, id_: str) -> str:
    """Write the number of the identity in three columns."""
    return f"hash({system}, {object_}, {id_})"


def keys_of_identities(identities: pa.Table) -> Keys:
    """Number identities (columns ``system``, ``object``, ``id``), row by row."""
    global _engine  # noqa: PLW0603 - opening one costs more than most questions
    if not identities.num_rows:
        return np.zeros(0, np.uint64)
    with _lock:
        if _engine is None or _engine[0] != os.getpid():
            _engine = os.getpid(), duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "256MiB"})
        with _engine[1].cursor() as connection:
            connection.register("identities", identities.select(["system", "object", "id"]))
            found = connection.sql(f"SELECT {key_sql('system', 'object', 'id')} AS key FROM identities")
            keys: Keys = found.to_arrow_table().column("key").to_numpy()
            return keys
