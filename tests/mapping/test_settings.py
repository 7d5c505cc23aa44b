from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal

import pytest

from connector.errors import MappingError
from connector.mapping.addresses import check_address
from connector.mapping.settings import Settings, SparkEngine, load_settings

MINIMAL = """\
sources:
  - {name: hubspot, adapter: hubspot, base_url: https://api.hubapi.com, token: ${HUBSPOT_TOKEN}}
crm: {adapter: salesforce, instance_url: https://corp.my.salesforce.com, auth: {flow: token, access_token: ${SF_TOKEN}}}
"""
ENVIRON = {"HUBSPOT_TOKEN": "sesame-one", "SF_TOKEN": "sesame-two", "PGPASSWORD": "sesame-three"}


def load(tmp_path, text: str, environ=ENVIRON) -> Settings:
    path = tmp_path / "handoff.yaml"
    path.write_text(text)
    return load_settings(path, environ)


def problems(tmp_path, text: str, environ=ENVIRON):
    with pytest.raises(MappingError) as caught:
        load(tmp_path, text, environ)
    assert "sesame" not in str(caught.value)
    return [(problem.line, problem.column, problem.key, problem.message) for problem in caught.value.problems]


def test_defaults(tmp_path):
    settings = load(tmp_path, MINIMAL)
    assert settings.install == "main"
    assert settings.mode == "paused"
    assert settings.engine == "duckdb"
    assert settings.time_zone == "UTC"
    assert settings.schedule.model_dump() == {
        "source": timedelta(seconds=60),
        "crm": timedelta(minutes=5),
        "fast_lane": timedelta(seconds=15),
        "deliver": timedelta(seconds=5),
        "full_rescore": time(2),
    }
    assert settings.limits.model_dump() == {
        "tasks_per_day": 200,
        "owner_changes_per_day": 200,
        "stage_moves_per_day": 500,
        "creations_per_day": 200,
        "edits_per_day": 200,
        "fast_lane_tasks_per_day": 200,
        "share_per_day": Decimal("0.1"),
        "share_from": 500,
        "api_calls_per_day": {"salesforce": 15000},
        "left_to_others": Decimal("0.5"),
    }
    assert settings.alarms.dead_share == Decimal("0.01")
    assert settings.alarms.silence == timedelta(days=3)
    assert (settings.console.host, settings.console.port) == ("127.0.0.1", 8880)
    assert not settings.cutover.waived


def test_paths_start_at_the_folder_of_the_file(tmp_path):
    text = MINIMAL + "lake: history\nstate: sqlite:///var/x.db\nmappings: m/mine\n"
    text = text.replace(
        "crm:", "  - {name: exports, adapter: files, people: 'in/people*.csv', activities: /abs/a.csv}\ncrm:"
    )
    settings = load(tmp_path, text)
    assert settings.lake == str(tmp_path / "history")
    assert settings.state.get_secret_value() == f"sqlite:///{tmp_path}/var/x.db"
    assert settings.mappings == tmp_path / "m" / "mine"
    assert settings.sources[1].options == {"people": f"{tmp_path}/in/people*.csv", "activities": "/abs/a.csv"}
    assert load(tmp_path, MINIMAL + "lake: s3://bucket/lake\n").lake == "s3://bucket/lake"


def test_secrets_come_from_the_environment_and_from_files_and_do_not_show(tmp_path):
    (tmp_path / "key").write_text("sesame-file\n")
    text = MINIMAL.replace("${SF_TOKEN}", "${file:key}")
    settings = load(tmp_path, text + "state: postgresql+psycopg://me:${PGPASSWORD}@db/handoff\n")
    assert settings.sources[0].options["token"].get_secret_value() == "sesame-one"
    assert settings.crm.options["auth"]["access_token"].get_secret_value() == "sesame-file"
    assert settings.state.get_secret_value() == "postgresql+psycopg://me:sesame-three@db/handoff"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings.crm}", repr(settings.sources)):
        assert "sesame" not in shown


@pytest.mark.parametrize("key", ["token", "client_secret", "password", "access_token", "refresh_token", "api_key"])
@pytest.mark.parametrize("literal", ["sesame", "'sesame-${HUBSPOT_TOKEN}'", "12345", "{sesame: sesame}", "[sesame]"])
def test_a_literal_secret_is_refused_with_its_line(tmp_path, key, literal):
    found = problems(tmp_path, MINIMAL.replace("token: ${HUBSPOT_TOKEN}", f"{key}: {literal}"))
    assert {line for line, *_ in found} == {2}
    assert all("a secret stands in the file" in message for *_, message in found)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("token: ${HUBSPOT_TOKEN}", "token: ${HUBSPOT_TOKN}", "sources.0.token", "HUBSPOT_TOKN is not set"),
        ("token: ${HUBSPOT_TOKEN}", "token: ${}", "sources.0.token", "names nothing"),
        ("token: ${HUBSPOT_TOKEN}", "token: ${file:nowhere}", "sources.0.token", "cannot be read"),
        ("https://api.hubapi.com", "http://api.hubapi.com", "sources.0.base_url", "plain http"),
        ("https://api.hubapi.com", "https://10.0.0.1", "sources.0.base_url", "private"),
        ("https://api.hubapi.com", "https://me:sesame@api.hubapi.com", "sources.0.base_url", "password"),
        ("https://corp.my.salesforce.com", "ftp://corp", "crm.instance_url", "no address"),
        ("name: hubspot", "name: Hub Spot", "sources.0.name", "lower-case"),
        ("adapter: salesforce", "adapter: 5", "crm.adapter", "put 5 in quotes"),
        ("crm: {adapter: salesforce", "crm: {name: hubspot, adapter: salesforce", "crm.name", "two systems"),
        ("sources:", "engine: polars\nsources:", "engine", "none of duckdb"),
        ("sources:", "engine: {spark: 'yarn'}\nsources:", "engine.spark", "local[2]"),
        ("sources:", "engine: {spark: 'sc://spark:15002'}\nsources:", "engine.spark", "Spark Connect"),
        ("sources:", "mode: on\nsources:", "mode", "none of"),
        ("sources:", "mod: live\nsources:", "mod", "did you mean mode"),
        ("sources:", "time_zone: Europe/Bonn\nsources:", "time_zone", "no time zone"),
        ("sources:", "time_zone: ../../etc/passwd\nsources:", "time_zone", "no time zone"),
        ("sources:", "state: mysql://x\nsources:", "state", "sqlite"),
        ("sources:", "state: postgresql://me:sesame@db/x\nsources:", "state", "password"),
        ("sources:", "schedule: {crm: often}\nsources:", "schedule.crm", "duration"),
        ("sources:", "schedule: {full_rescore: 2}\nsources:", "schedule.full_rescore", "time of day"),
        ("sources:", "limits: {tasks_per_day: -1}\nsources:", "limits.tasks_per_day", "greater"),
        ("sources:", "limits: {share_per_day: 10}\nsources:", "limits.share_per_day", "less"),
        ("sources:", "cutover: {waived_by: Ada}\nsources:", "cutover", "all three"),
        ("sources:", "console: {port: 99999}\nsources:", "console.port", "less"),
    ],
)
def test_refused(tmp_path, old, new, key, words):
    found = problems(tmp_path, MINIMAL.replace(old, new, 1))
    assert len(found) == 1, found
    assert found[0][2] == key
    assert words in found[0][3]


def test_several_problems_at_once(tmp_path):
    text = MINIMAL.replace("${SF_TOKEN}", "sesame") + "mode: on\nlake: ''\n"
    assert [key for _, _, key, _ in problems(tmp_path, text, {})] == [
        "sources.0.token",
        "crm.auth.access_token",
        "mode",
        "lake",
    ]


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(MappingError, match="handoff init") as caught:
        load_settings(tmp_path / "handoff.yaml", {})
    assert caught.value.exit_code == 2


def test_a_full_waiver(tmp_path):
    assert load(tmp_path, MINIMAL + "cutover: {waived_by: Ada, reason: pilot, on: 2026-01-31}\n").cutover.waived


@pytest.mark.parametrize(
    "url", ["http://localhost:8801", "http://127.0.0.1", "http://127.9.9.9:1/x", "http://[::1]:80/"]
)
def test_this_machine_may_be_spoken_to_plainly(url):
    check_address(url)


@pytest.mark.parametrize(
    "url",
    [
        *["http://example.com", "http://127.0.0.1.example.com", "https://192.168.1.1", "https://172.16.0.9"],
        *["https://169.254.169.254", "https://[fd00::1]", "https://[fe80::1]", "https://0.0.0.0", "https://0x7f000001"],
        *["https://2130706433", "https://10.1", "https://[::ffff:10.0.0.1]", "https://metadata.google.internal"],
        *["https://", "https:///x", "api.hubapi.com", "https://x:port/", "https://[::1", "file:///etc/passwd"],
        *["https://user@example.com", "https://100.64.0.1"],
    ],
)
def test_other_addresses_are_refused(url):
    with pytest.raises(ValueError, match=r"is no address|plain http|private|user name"):
        check_address(url)


def test_spark(tmp_path):
    settings = load(
        tmp_path, MINIMAL.replace("sources:", "engine: {spark: 'spark://spark:7077', scratch: s}\nsources:", 1)
    )
    assert settings.engine == SparkEngine(spark="spark://spark:7077", scratch=tmp_path / "s")
