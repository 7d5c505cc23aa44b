import re
from pathlib import Path

import pytest

from sandbox.hubspot.shapes import AUDIT_FIELDS as HUBSPOT_AUDIT
from sandbox.salesforce.shapes import AUDIT_FIELDS as SALESFORCE_AUDIT

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


@pytest.mark.parametrize(("vendor", "fields"), [("Salesforce", SALESFORCE_AUDIT), ("HubSpot", HUBSPOT_AUDIT)])
def test_the_page_lists_exactly_what_snapshots_leave_out(vendor, fields):
    section = PAGE.read_text(encoding="utf-8").split("## What a snapshot leaves out")[1].split("\n## ")[0]
    paragraph = re.search(rf"\* {vendor}: (.+?)(?=\n\* |\Z)", section, re.DOTALL)
    assert paragraph is not None
    assert set(re.findall(r"`(\w+)`", paragraph[1])) == set(fields)
