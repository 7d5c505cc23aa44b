"""Orgs taken from an image are the orgs it was kept of."""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime

from sandbox.people.truth import read_truth
from sandbox.serve import Sandbox

AT = datetime(2026, 3, 3, 9, tzinfo=UTC)


def seen(sandbox: Sandbox) -> list[bytes]:
    found = []
    for running in sandbox.running.values():
        with urllib.request.urlopen(f"{running.url}/__sandbox__/snapshot", timeout=60) as answer:
            found.append(answer.read())
    return found


def test_orgs_out_of_an_image_are_the_same_and_reset_to_the_same(tmp_path):
    images = tmp_path / "images"
    with Sandbox(tmp_path / "a", people=12, seed=2, at=AT, images=images) as first:
        before = seen(first)
    kept = list(images.iterdir())
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    with Sandbox(tmp_path / "b", people=12, seed=2, at=AT, images=images) as second:
        assert seen(second) == before
        second.hubspot.org.reset()
        second.salesforce.org.reset()
        assert seen(second) == before
    assert read_truth(tmp_path / "a", "people") == read_truth(tmp_path / "b", "people")
    assert [path.stat().st_mtime_ns for path in images.iterdir()] == [stamp]


def test_other_settings_have_another_image(tmp_path):
    images = tmp_path / "images"
    for number, (people, seed) in enumerate(((12, 2), (12, 3), (13, 2)), 1):
        with Sandbox(tmp_path / str(number), people=people, seed=seed, at=AT, images=images):
            pass
        assert len(list(images.iterdir())) == number
