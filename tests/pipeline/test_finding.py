"""Whom a reader means: every form that is printed somewhere is understood, and nobody is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.errors import ConfigError
from connector.pipeline.explain.explaining import explain
from connector.pipeline.people.census import census_of

LONG = "00Q5f00000AbCdEEAV"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("house")
    made = House(folder, f"sqlite:///{folder}/state.db")
    made.account("A1", name="Acme", website="https://www.acme.example/")
    made.account("A2", name="Bolt", website="bolt.example")
    made.account("A3", name="Bolt", website="bolt-two.example")
    made.contact("1", title="VP Sales")
    made.lead(LONG, "1")
    made.contact("2", email="two@bolt.example")
    made.contact("3", email="three@bolt.example")
    made.contact("4", email="two@bolt-two.example")
    made.run()
    merged = RecordVersion(
        Ref("hubspot", "contact", "3"), made.now, made.now, {}, {}, merged_into=Ref("hubspot", "contact", "2")
    )
    made.source.add(merged)
    gone = RecordVersion(Ref("hubspot", "contact", "4"), made.now, made.now, {}, {}, deleted=True)
    made.source.add(gone)
    made.run()
    yield made
    made.close()


def asked(house: House, who: str, *, back: int = 1) -> str:
    """Explain somebody as of the last cycle, or one before; give the id of whoever that is."""
    last = house.now - timedelta(hours=1)
    document = explain(census_of(house.engine), who, as_of=house.now - timedelta(hours=back), last=last).document
    return str(document["person_id"] if document["kind"] == "person" else document["account_id"])


@pytest.mark.parametrize(
    "who",
    [
        "jo1@acme.example",
        "  JO1@Acme.example ",
        "1",
        "hubspot:contact:1",
        f"crm:lead:{LONG}",
        f"lead:{LONG}",
        LONG,
        LONG[:15],
    ],
)
def test_a_person_is_found_by_every_name(house: House, who: str) -> None:
    assert asked(house, who) == asked(house, asked(house, "hubspot:contact:1"))


@pytest.mark.parametrize(
    "who", ["A1", "crm:account:A1", "account:A1", "acme.example", "www.acme.example", "https://acme.example/x", "ACME"]
)
def test_an_account_is_found_by_id_domain_and_name(house: House, who: str) -> None:
    assert asked(house, who) == "A1"


def test_who_became_another_is_found_as_that(house: House) -> None:
    before = {who: asked(house, f"hubspot:contact:{who}", back=2) for who in ("2", "3")}
    assert len(set(before.values())) == 2
    now = asked(house, "hubspot:contact:3")
    assert now == asked(house, "hubspot:contact:2")
    assert {asked(house, person_id) for person_id in before.values()} == {now}


def test_several_are_named_and_nobody_is_guessed(house: House) -> None:
    with pytest.raises(ConfigError, match="A2, A3") as refusal:
        asked(house, "Bolt")
    assert refusal.value.code == "explain.several"


def test_who_is_gone_is_told_from_who_was_never_known(house: House) -> None:
    with pytest.raises(ConfigError) as gone:
        asked(house, "hubspot:contact:4")
    assert gone.value.code == "explain.gone"
    assert asked(house, "hubspot:contact:4", back=2)
    for who in ("nobody@nowhere.example", "x:y:z", "", "  ", "Nobody Ltd", "a:b"):
        with pytest.raises(ConfigError) as unknown:
            asked(house, who)
        assert unknown.value.code == "explain.unknown"


def test_an_address_that_nobody_has_is_not_answered_with_the_company_of_its_domain(house: House) -> None:
    """Whoever was forgotten would otherwise seem to be known still."""
    assert asked(house, "acme.example") == "A1"
    with pytest.raises(ConfigError, match="nobody is known by that e-mail address"):
        asked(house, "somebody.else@acme.example")
