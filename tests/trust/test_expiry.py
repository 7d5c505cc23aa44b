"""A credential that stops working is told while there is still time to renew it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from adapters.memory import MemorySource
from adapters.salesforce import SalesforceCrm
from connector.mapping.settings import Settings, load_settings
from connector.pipeline.circuits import expiries, note_circuits
from connector.trust.expiry import expiry_findings, known_expiries, read_expiries, soon
from state import open_store

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
AHEAD = timedelta(days=30)
_END = datetime(2027, 1, 21, 12, tzinfo=UTC)


class Dated(MemorySource):
    """A source that knows until when it may come in."""

    def expires(self) -> dict[str, datetime]:
        """Give one."""
        return {"certificate": _END}


def _settings(folder: Path, *, day: str = "2027-02-01", zone: str = "UTC", alarms: str = "{}") -> Settings:
    path = folder / "handoff.yaml"
    path.write_text(
        f"sources:\n  - {{name: exports, adapter: files, people: p.csv, expires_on: '{day}'}}\n"
        f"crm: {{adapter: files, dir: crm}}\ntime_zone: {zone}\nalarms: {alarms}\n"
    )
    return load_settings(path, {})


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (datetime(2027, 1, 1, tzinfo=UTC), []),
        (datetime(2027, 1, 2, tzinfo=UTC), ["exports: its credential expires on 2027-02-01, in 30 days"]),
        (datetime(2027, 1, 30, 1, tzinfo=UTC), ["exports: its credential expires on 2027-02-01, in a day"]),
        (datetime(2027, 1, 31, 1, tzinfo=UTC), ["exports: its credential expires on 2027-02-01, in less than a day"]),
        (datetime(2027, 2, 1, tzinfo=UTC), ["exports: its credential expired on 2027-02-01"]),
    ],
)
def test_what_handoff_yaml_declares_is_told_in_time(tmp_path: Path, now: datetime, words: list[str]) -> None:
    settings = _settings(tmp_path)
    assert settings.sources[0].options == {"people": f"{tmp_path}/p.csv"}
    assert soon(known_expiries(settings, {}), now=now, ahead=settings.alarms.expiry) == words


def test_the_day_begins_where_the_install_is_and_the_alarm_is_as_early_as_wished(tmp_path: Path) -> None:
    settings = _settings(tmp_path, zone="Asia/Tokyo", alarms="{expiry: 1d}")
    [one] = known_expiries(settings, {})
    assert one.at == datetime(2027, 1, 31, 15, tzinfo=UTC)
    assert soon([one], now=one.at - timedelta(days=1, seconds=1), ahead=settings.alarms.expiry) == []
    assert soon([one], now=one.at - timedelta(days=1), ahead=settings.alarms.expiry) != []


def test_what_a_credential_says_of_itself_is_kept_for_status_and_comes_first(tmp_path: Path, sqlite_url: str) -> None:
    source = Dated(system="marketing")
    assert read_expiries([source, MemorySource(system="other")]) == {"marketing": {"certificate": _END}}
    store = open_store(sqlite_url)
    note_circuits(store, [source])
    told = expiries(store)
    note_circuits(store, [MemorySource(system="marketing")])
    assert expiries(store) == {}, "another credential says nothing"
    store.close()
    both = known_expiries(_settings(tmp_path), told)
    assert next((one.system, one.what, one.at) for one in both) == ("marketing", "certificate", _END)
    found = list(expiry_findings(both, now=NOW, ahead=AHEAD))
    assert [(one.system, one.ok, bool(one.cure)) for one in found] == [
        ("marketing", True, True),
        ("exports", True, False),
    ]
    [gone, _] = expiry_findings(both, now=_END, ahead=AHEAD)
    assert (gone.ok, gone.shut) == (False, "")


@pytest.mark.parametrize("certificates", [0, 2])
def test_the_certificate_beside_a_jwt_key_tells_its_end(tmp_path: Path, certificates: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = key.private_bytes(*form)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "handoff")])
    for number in range(certificates):
        made = x509.CertificateBuilder(name, name, key.public_key(), number + 1)
        made = made.not_valid_before(NOW).not_valid_after(_END + timedelta(days=number))
        pem += made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "key.pem").write_bytes(pem)
    auth = {"flow": "jwt", "client_id": "id", "username": "me", "key_file": str(tmp_path / "key.pem")}
    crm = SalesforceCrm({"instance_url": "https://corp.my.salesforce.com", "auth": auth})
    assert crm.expires() == ({"certificate": _END} if certificates else {})
    crm.close()
