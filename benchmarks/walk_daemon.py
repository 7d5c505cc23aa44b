"""The second half of ``.ci/walk``: init, the daemon by the words of the Dockerfile, its health check, its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UID = 10001


def words(name: str) -> list[str]:
    """Give the exec form of an instruction of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    (found,) = re.findall(rf"^{name}\s.*?(\[.*\])$", text, re.MULTILINE)
    exec_form: list[str] = json.loads(found)
    return exec_form


def main() -> int:
    """Walk, and give 0 when every step went as the Dockerfile promises."""
    place = Path(sys.argv[1])
    project, binaries = place / "handoff", place / "env" / "bin"
    env = {"PATH": f"{binaries}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent", "NO_COLOR": "1"}
    project.mkdir()
    user = UID if os.geteuid() == 0 and readable(binaries) else None
    if user is not None:
        shutil.chown(project, user, user)
    options = {"env": env, "cwd": project, "user": user, "group": user, "extra_groups": [] if user else None}
    subprocess.run([binaries / "handoff", "init", "."], check=True, stdout=subprocess.DEVNULL, **options)  # noqa: S603 - our own program and our own words
    for name, head in (("people", "person_id,email,company"), ("activities", "activity_id,person_id,type,occurred_at")):
        (project / f"{name}.csv").write_text(f"{head}\n", "utf-8")
    (project / "handoff.yaml").write_text(
        "sources: [{name: exports, adapter: files, people: people.csv, activities: activities.csv}]\n"
        "crm: {adapter: files, dir: crm}\nmode: paused\n"
        f"console: {{port: {free_port()}}}\n",
        "utf-8",
    )
    with (place / "log").open("w") as log:
        command = [*words("ENTRYPOINT"), *words("CMD")]
        with subprocess.Popen([binaries / command[0], *command[1:]], stderr=log, **options) as daemon:  # noqa: S603 - our own program and our own words
            healthy = until_healthy(options, daemon)
            asked = time.monotonic()
            daemon.terminate()
            code = daemon.wait(timeout=20)
            seconds = time.monotonic() - asked
    left = [
        path.name
        for path in project.iterdir()
        if path.name not in {"handoff.yaml", "mappings", "var", "crm", "people.csv", "activities.csv"}
    ]
    print(f"user {user or os.geteuid()}, healthy: {healthy}, ended with {code} after {seconds:.1f} s")
    print(f"beside var: {sorted(left)}")
    return 0 if healthy and code == 0 and seconds < 10 else 1


def readable(binaries: Path) -> bool:
    """Say whether another user may run what stands there: folders above may be closed."""
    return all(folder.stat().st_mode & 0o001 for folder in binaries.resolve().parents)


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def until_healthy(options: dict[str, object], daemon: subprocess.Popen[bytes]) -> bool:
    """Ask as the engine would, for a minute."""
    for _ in range(120):
        if daemon.poll() is not None:
            return False
        if subprocess.run(words("HEALTHCHECK"), stderr=subprocess.DEVNULL, check=False, **options).returncode == 0:  # type: ignore[call-overload]  # noqa: S603 - our own program and our own words
            return True
        time.sleep(0.5)
    return False


if __name__ == "__main__":
    sys.exit(main())
