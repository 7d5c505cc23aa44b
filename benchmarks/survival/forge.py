"""Forks a process for each command: the connector's imports take seconds, a cycle on a small org does not.

Reads one JSON order a line on standard input, and answers with one line: ``{"words": …}`` starts a command and gives
its pid; ``{"wait": pid}`` gives its exit code, or null while it works. The child is the connector's own ``main``. Only
where an order asks for a watch (``boundaries.Watch``) is anything put around it, and only the leases of a process that
is to be ended are made short, because the next one would honestly wait for them to run out.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from importlib.resources import files
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pyarrow as pa

# what children import late is imported once here, so that none of them has to
import pyarrow.dataset
import sqlalchemy.dialects.sqlite  # noqa: F401

import adapters.files
import adapters.hubspot
import adapters.salesforce  # noqa: F401
import connector.daemon.serve  # noqa: F401
from benchmarks.survival.boundaries import Watch, watch_process
from benchmarks.survival.mistakes import make
from benchmarks.survival.set_clock import set_clock
from connector.cli import main
from connector.domain.company_domains import registrable
from connector.mapping.load import load_mappings
from connector.scoring.compile import compile_model
from connector.scoring.people.interest_columns import interest_lines

#: the list of public suffixes is read once here, like the imports
_WARM = registrable("localhost")
#: and what activities are worth by their age, at the starter's half-lives, up to the ages of a small org's
_MODEL = compile_model(load_mappings(Path(str(files("mappings") / "default"))).scoring)
for _age in (100, 200, 400, 800):
    interest_lines(_MODEL, pa.table({"person": [0], "rule": [0], "day": [0], "hits": [1]}), today=_age)
#: children whose end nobody has asked for yet; a daemon of a test that failed would outlive it
_AT_WORK: set[int] = set()


def _child(order: dict[str, Any]) -> None:
    os.setsid()
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    os.chdir(order["folder"])
    os.environ.update(order["env"])
    if order["watch"] is not None:
        watch = Watch(**order["watch"])
        watch_process(watch)
        if watch.mistake:
            make(watch.mistake)
        if watch.clock is not None:
            set_clock(Path(watch.clock))
    code = 70
    try:
        main(order["words"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - what a real process would print before it dies
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    if "wait" in order:
        pid, status = os.waitpid(order["wait"], os.WNOHANG)
        _AT_WORK.discard(pid)
        return {"code": None if pid == 0 else os.waitstatus_to_exitcode(status)}
    pid = os.fork()
    if pid == 0:
        _child(order)
    _AT_WORK.add(pid)
    return {"pid": pid}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # no child looks through what all of them share, and so copies it
    gc.freeze()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()
    for left in _AT_WORK:
        os.kill(left, signal.SIGKILL)
