import pytest

from connector.errors import ConfigError, LocalFault
from connector.mapping.load import FILES, check_mappings, load_mappings
from connector.mapping.settings import load_settings
from connector.mapping.starter import starter_mapping, write_starter

ENVIRON = {
    "HUBSPOT_TOKEN": "sesame-1",
    "SALESFORCE_URL": "https://corp.my.salesforce.com",
    "SALESFORCE_TOKEN": "sesame-2",
}


def test_what_is_written_loads(tmp_path):
    written = write_starter(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in written) == [
        "handoff.yaml",
        *sorted(f"mappings/default/{word}.yaml" for word in FILES),
    ]
    settings = load_settings(tmp_path / "handoff.yaml", ENVIRON)
    assert settings.mode == "paused"
    assert settings.mappings == tmp_path / "mappings" / "default"
    assert [source.adapter for source in settings.sources] == ["hubspot"]
    assert settings.crm.name == "salesforce"
    assert check_mappings(settings.mappings) == []


def test_the_definition_stands_unsigned_as_null(tmp_path):
    write_starter(tmp_path)
    text = (tmp_path / "mappings/default/lifecycle.yaml").read_text()
    for key in ("marketing", "sales", "approved_on", "review_by"):
        assert [line.strip() for line in text.splitlines() if line.strip().startswith(f"{key}:")] == [f"{key}: null"]
    definition = load_mappings(tmp_path / "mappings/default").lifecycle.definition
    assert (definition.approved_by.marketing, definition.approved_on, definition.review_by) == (None, None, None)


@pytest.mark.parametrize("existing", ["handoff.yaml", "mappings/default/routing.yaml"])
def test_nothing_that_exists_is_touched(tmp_path, existing):
    (tmp_path / existing).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / existing).write_text("mine")
    with pytest.raises(ConfigError, match=existing) as caught:
        write_starter(tmp_path)
    assert caught.value.exit_code == 2
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / existing]
    assert (tmp_path / existing).read_text() == "mine"


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises((ConfigError, LocalFault)):
        write_starter(tmp_path / "taken")


def test_sound_practice_is_in_the_starter(tmp_path):
    write_starter(tmp_path)
    mappings = load_mappings(tmp_path / "mappings/default")
    scored_forms = [str(rule.where) for rule in mappings.scoring.dimensions.interest.rules if rule.on == "form_submit"]
    assert not any(form in text for text in scored_forms for form in ("contact-us", "demo-request"))
    assert mappings.lifecycle.human_gate.on
    assert mappings.lifecycle.human_gate.stages == ("qualified",)
    assert mappings.routing.fast_lane[0].id == "contact-us"
    line_of_sales = mappings.scoring.grades.interest[2]
    content = mappings.scoring.dimensions.interest.groups["content"].cap
    assert content is not None
    assert content < line_of_sales
    ungrouped = {rule.on for rule in mappings.scoring.dimensions.interest.rules if rule.group is None}
    assert not ungrouped & {"asset_download", "webinar_attended", "webinar_registered", "email_click", "form_submit"}
    assert not {rule.on for rule in mappings.scoring.dimensions.interest.rules} & {"email_open", "email_unsubscribe"}


def test_the_starter_needs_no_field_that_hubspot_lacks():
    assert b"budget_range" not in b"".join(starter_mapping(word) for word in FILES)
