"""The Singer tap for Salesforce, unchanged, as a program of its own: discovery, a full sync, an incremental one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))

from login_host import LoginHost

TAP = Path(sys.prefix) / "clients" / "singer" / "bin" / "tap-salesforce"
STREAMS = ("Lead", "Contact", "Task", "Campaign")


class Tap:
    """The tap and its configuration in a folder."""

    def __init__(self, folder, entry, login):
        self._folder, self._login = folder, login
        config = {
            "refresh_token": entry["refresh_token"],
            "client_id": entry["client_id"],
            "client_secret": entry["client_secret"],
            "start_date": "2000-01-01T00:00:00Z",
            "api_type": "REST",
            "select_fields_by_default": True,
        }
        self._write("config", config)

    def _write(self, name, document):
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(document))
        return path

    def run(self, *arguments, **documents):
        command = [TAP, "--config", self._folder / "config.json", *arguments]
        for name, document in documents.items():
            command += [f"--{name}", self._write(name, document)]
        env = {"PATH": os.environ["PATH"], "HTTPS_PROXY": self._login.proxy, "NO_PROXY": "127.0.0.1"}
        env["REQUESTS_CA_BUNDLE"] = str(self._login.ca_file)
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def sync(self, catalog, **documents):
        """Give the records of each stream and the last state."""
        lines = [json.loads(line) for line in self.run(properties=catalog, **documents).splitlines()]
        rows = [line for line in lines if line["type"] == "RECORD"]
        records = {name: [row["record"] for row in rows if row["stream"] == name] for name in STREAMS}
        return records, [one["value"] for one in lines if one["type"] == "STATE"][-1]


@pytest.fixture(scope="module")
def tap(orgs, tmp_path_factory):
    assert TAP.exists(), f"{TAP} is missing: `make test` installs the clients of others"
    folder = tmp_path_factory.mktemp("tap")
    with LoginHost(orgs["salesforce"]["url"], folder) as login:
        yield Tap(folder, orgs["salesforce"], login)


@pytest.fixture(scope="module")
def catalog(tap):
    """What the tap discovers, with a few streams chosen."""
    found = json.loads(tap.run("--discover"))
    assert {stream["tap_stream_id"] for stream in found["streams"]} >= {*STREAMS, "Account", "User", "Opportunity"}
    for stream in found["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
                entry["metadata"] |= {"replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    return found


def ask(entry, query):
    headers = {"Authorization": f"Bearer {entry['access_token']}"}
    answer = requests.get(f"{entry['url']}/services/data/v62.0/queryAll?q={quote(query)}", headers=headers, timeout=10)
    return answer.json()


def test_it_finds_types_and_keys(catalog):
    lead = next(stream for stream in catalog["streams"] if stream["tap_stream_id"] == "Lead")
    schema = lead["schema"]["properties"]
    assert schema["IsConverted"]["type"] == ["null", "boolean"]
    assert "integer" in schema["NumberOfEmployees"]["type"]
    assert {"format": "date-time"}.items() <= schema["CreatedDate"]["anyOf"][0].items()
    table = next(entry["metadata"] for entry in lead["metadata"] if entry["breadcrumb"] == [])
    assert table["table-key-properties"] == ["Id"]
    assert "SystemModstamp" in table["valid-replication-keys"]


def test_a_full_sync_brings_every_row_and_the_next_one_only_what_changed(tap, catalog, orgs):
    entry = orgs["salesforce"]
    records, state = tap.sync(catalog)
    for name in STREAMS:
        assert len(records[name]) == ask(entry, f"SELECT COUNT() FROM {name}")["totalSize"], name
    assert len(records["Lead"]) > 10
    lead = records["Lead"][0]["Id"]
    path = f"{entry['url']}/services/data/v62.0/sobjects/Lead/{lead}"
    headers = {"Authorization": f"Bearer {entry['access_token']}"}
    requests.post(f"{entry['url']}/__sandbox__/clock", json={"advance": "1h"}, timeout=10)
    requests.patch(path, json={"City": "Ulm"}, headers=headers, timeout=10).raise_for_status()
    later, _ = tap.sync(catalog, state=state)
    assert {row["Id"]: row["City"] for row in later["Lead"]}[lead] == "Ulm"
    assert len(later["Lead"]) < len(records["Lead"])
