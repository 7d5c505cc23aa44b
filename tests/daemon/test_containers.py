"""The container's files say what their page says. No engine builds them here; `.ci/walk` walks their steps without."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = next(folder for folder in Path(__file__).parents if (folder / "Dockerfile").is_file())
#: what the daemon needs after a signal, at most (docs/operating.md)
_STOP_SECONDS = 10


def _stages() -> list[list[tuple[str, str]]]:
    """Give the Dockerfile's stages as instructions with their arguments."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    stages: list[list[tuple[str, str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stages.append([])
        if word:
            stages[-1].append((word, " ".join(rest.split())))
    return stages


def _last(word: str) -> str:
    return [rest for name, rest in _stages()[-1] if name == word][-1]


def _compose(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text("utf-8"))


def test_two_stages_on_one_pinned_base() -> None:
    build, final = _stages()
    bases = {stage[0][1].split(" AS ")[0] for stage in (build, final)}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases.pop()), "a patch release on a named distribution"


def test_the_last_stage_builds_nothing_and_runs_as_nobody_special() -> None:
    final = _stages()[-1]
    ran = " ".join(rest for word, rest in final if word == "RUN")
    assert not re.search(r"\b(pip|uv|gcc|make|apt-get|build-essential|curl)\b", ran)
    assert [rest for word, rest in final if word == "COPY"] == ["--from=build /opt/handoff /opt/handoff"]
    assert not [rest for word, rest in final if word in ("ADD", "SHELL")]
    user, group = _last("USER").split(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    words = [word for word, _ in final]
    assert words.index("USER") > words.index("COPY"), "what runs cannot be changed by whoever runs it"
    environment = _last("ENV")
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "PYTHONUNBUFFERED=1" in environment


def test_signals_reach_the_program_and_its_state_stands_in_a_volume() -> None:
    assert json.loads(_last("ENTRYPOINT")) == ["handoff"]
    assert json.loads(_last("CMD")) == ["run"]
    assert _last("STOPSIGNAL") == "SIGTERM"
    assert _last("VOLUME") == "/handoff/var"
    assert "--owner=handoff" in " ".join(rest for word, rest in _stages()[-1] if word == "RUN")


def test_the_health_check_is_a_command_of_ours_and_the_same_everywhere() -> None:
    check = _last("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert command == ["python", "-m", "connector.daemon.probe"]
    assert _compose("compose.yaml")["services"]["handoff"]["healthcheck"]["test"] == ["CMD", *command]
    done = subprocess.run(
        [sys.executable, *command[1:]], env={"HANDOFF_CONFIG": "none.yaml"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("no answer")


def test_only_what_the_wheel_is_made_of_goes_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert "*" in lines
    let_through = {line[1:] for line in lines if line.startswith("!")}
    copied: set[str] = set()
    for word, rest in _stages()[0]:
        if word == "COPY":
            copied.update(rest.split()[:-1])
    assert copied == let_through


@pytest.mark.parametrize(
    ("file", "service"), [("compose.yaml", "handoff"), ("compose.postgres.yaml", "db")], ids=["handoff", "db"]
)
def test_services_have_few_rights_a_check_and_time_to_stop(file: str, service: str) -> None:
    told = _compose(file)["services"][service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in told["security_opt"]
    assert told["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert int(told["stop_grace_period"].removesuffix("s")) > _STOP_SECONDS
    assert told.get("privileged") is None
    assert told.get("ports") is None, "nobody outside is let in unless somebody asks for it"
    assert any(str(place).startswith("/tmp") for place in told["tmpfs"])
    assert re.fullmatch(r"[\w/-]+:\w[\w.-]+", told["image"])
    assert not told["image"].endswith(":latest")


def test_secrets_come_from_files_or_the_environment_never_from_the_compose_files() -> None:
    handoff = _compose("compose.yaml")["services"]["handoff"]
    assert handoff["env_file"] == [{"path": ".env", "required": False}]
    assert "environment" not in handoff
    mounts = {mount.split(":")[1]: mount for mount in handoff["volumes"]}
    assert mounts["/run/secrets"].endswith(":ro")
    assert mounts["/handoff"].endswith(":ro"), "configuration is read, not written"
    assert mounts["/handoff/var"] == "var:/handoff/var"
    database = _compose("compose.postgres.yaml")["services"]["db"]["environment"]
    assert "POSTGRES_PASSWORD" not in database
    assert database["POSTGRES_PASSWORD_FILE"] == "/run/secrets/postgres_password"


def test_the_state_of_the_second_form_can_be_written_as_its_page_says(tmp_path: Path) -> None:
    from connector.mapping.settings import load_settings

    secret = tmp_path / "postgres_password"
    secret.write_text("s3cret\n")
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    (line,) = re.findall(r"`(state: postgresql\+psycopg://[^`]*)`", page)
    config = tmp_path / "handoff.yaml"
    config.write_text(
        "sources: [{adapter: files, people: p.csv}]\ncrm: {adapter: files, dir: crm}\n"
        + line.replace("/run/secrets/postgres_password", str(secret))
    )
    state = load_settings(config, {}).state.get_secret_value()
    assert state == "postgresql+psycopg://handoff:s3cret@db/handoff"
