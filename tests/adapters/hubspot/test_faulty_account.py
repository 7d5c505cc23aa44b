"""A whole account is read although its wire and its index misbehave: nothing is lost, no limit is broken."""

from datetime import UTC, datetime

import pytest
import requests

from adapters.hubspot import HubSpotSource
from connector.errors import AccessError
from sandbox.hubspot.access.gate import Limits
from sandbox.serve import Sandbox

NOW = datetime.now(UTC)


class Account:
    """An account on loopback with our source before it."""

    def __init__(self, sandbox):
        running = sandbox.hubspot
        self.credentials, self.url = running.org.credentials, running.url
        running.org._gate.limits = Limits(burst=10**6, search=10**6, associations=10**6)

    def post(self, path, body):
        answer = requests.post(f"{self.url}/__sandbox__/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text

    def calls(self):
        return requests.get(f"{self.url}/__sandbox__/calls", timeout=30).json()

    def source(self, **options):
        signed = options or {"token": self.credentials.token}
        paceless = {"searches_per_second": 0, "calls_per_10s": 0}
        return HubSpotSource({"base_url": self.url, **paceless, **signed}, sleep=lambda _seconds: None)


@pytest.fixture
def account(tmp_path):
    with Sandbox(tmp_path, people=60, seed=5, vendors=("hubspot",)) as sandbox:
        account = Account(sandbox)
        account.post("act", [{"do": "create_contacts", "count": 250}])
        yield account


def read_all(source, cursors=None):
    """Read every stream from its cursor: (ids, refused rows, cursors)."""
    ids, refused, ends = set(), [], {}
    for stream in source.traits().streams:
        for page in source.pull(stream.name, (cursors or {}).get(stream.name), now=NOW):
            ids |= {str(record.ref) for record in page.records}
            ids |= {str(activity.ref) for activity in page.activities}
            refused += page.refused
            ends[stream.name] = page.cursor
    source.close()
    return ids, refused, ends


@pytest.mark.parametrize("what", ["429", "503", "html_502", "truncate", "reset", "lock_row", "bad_text", "huge_record"])
def test_what_goes_wrong_once_in_a_while_loses_nothing(account, what):
    whole, _, _ = read_all(account.source())
    # The two that spoil a row take the address out of a submission, which then names nobody.
    match = "(search|events)" if what in ("bad_text", "huge_record") else "(GET|POST) /[^_]"
    account.post("faults", [{"match": match, "what": what, "rate": 0.3, "seed": 7}])
    found, refused, _ = read_all(account.source())
    assert {row.code for row in refused} <= ({"too_large"} if what == "huge_record" else set())
    assert len(whole - found) == len(refused)


def test_a_row_that_is_malformed_once_is_read_and_one_that_stays_so_is_named(account):
    whole, _, _ = read_all(account.source())
    once = [{"match": f"{kind}/search", "what": "malformed_record", "count": 1} for kind in ("contacts", "companies")]
    account.post("faults", once)
    assert read_all(account.source())[:2] == (whole, [])
    account.post("faults", [{"match": "companies/search", "what": "malformed_record"}])
    found, refused, _ = read_all(account.source())
    assert {(row.stream, row.code) for row in refused} == {("companies", "malformed")}
    assert len(whole - found) == len(refused) == 1


@pytest.mark.parametrize("what", ["search_lag", "late_record"])
def test_what_the_index_shows_late_comes_later(account, what):
    _, _, cursors = read_all(account.source())
    account.post("faults", [{"match": "(search|events|submissions|objects)", "what": what, "after": "60s"}])
    acts = [{"do": "visit", "email": "late@x.example", "path": "/"}, {"do": "log_call", "email": "late@x.example"}]
    account.post("act", [{"do": "submit_form", "email": "late@x.example", "form": "contact-us"}, *acts])
    hidden, _, cursors = read_all(account.source(), cursors)
    account.post("clock", {"advance": "30s"})
    account.post("act", [{"do": "submit_form", "email": "later@x.example", "form": "demo-request"}])
    early, _, cursors = read_all(account.source(), cursors)
    account.post("clock", {"advance": "90s"})
    shown, _, _ = read_all(account.source(), cursors)
    kinds = [ref.split(":")[1] for ref in hidden | early | shown]
    assert kinds.count("contact") >= 2
    assert kinds.count("form_submission") == 2
    assert {"page_view", "call"} <= set(kinds)


def test_an_oauth_app_reads_on_when_its_token_runs_out(account):
    whole, _, _ = read_all(account.source())
    names = ("client_id", "client_secret", "refresh_token")
    source = account.source(**{name: getattr(account.credentials, name) for name in names})
    account.post("faults", [{"match": "search", "what": "expire_token", "count": 1}])
    found, _, _ = read_all(source)
    assert found == whole


def test_a_right_that_is_taken_away_is_named(account):
    account.post("act", [{"do": "remove_right", "right": "crm.objects.contacts.read"}])
    with pytest.raises(AccessError, match=r"crm\.objects\.contacts\.read"):
        list(account.source().pull("contacts", None, now=NOW))
    findings = {finding.subject: finding for finding in account.source().check()}
    assert not findings["read contacts"].ok
    assert findings["read forms"].ok


def test_the_first_load_and_a_quiet_poll_cost_no_call_too_many(account):
    account.post("calls/mark", None)
    _, _, cursors = read_all(account.source())
    first = account.calls()
    account.post("calls/mark", None)
    _, _, cursors = read_all(account.source(), cursors)
    quiet = account.calls()
    assert first["used"] <= first["floor"], first["streams"]
    assert quiet["used"] <= quiet["floor"], quiet["streams"]
    assert first["violations"] == quiet["violations"] == 0
