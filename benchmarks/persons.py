"""Measure how well doubles of people are found: ``python benchmarks/persons.py [--peers] [--venvs DIR]``.

Prints precision, recall and F1 over pairs of records in one group, after closure, and records per second of processor
time, on ``persons_fake_1000`` and ``persons_historical`` of the folder that ``HANDOFF_SHARED`` names. Half of the true
clusters (by their hash) is for tuning, the other half is for the report; everybody is also judged on all. Ours runs as
the product does, with its one threshold. The peers (``benchmarks/persons_peers``, each installed into an environment of
its own, which goes afterwards unless ``--venvs`` keeps it) take, per data set, whatever threshold is best on the tuning
half.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from connector.identity.alike_groups import AT_LEAST, doubles
from connector.identity.groups import Groups

KINDS = {
    "persons_fake_1000": {"first_name": "given", "surname": "family", "dob": "date", "city": "place", "email": "email"},
    "persons_historical": {
        "first_name": "given",
        "surname": "family",
        "dob": "date",
        "birth_place": "place",
        "postcode_fake": "code",
        "occupation": "place",
        "gender": "place",
    },
}
#: what is installed for each; dedupe 3.0.3 does not work with newer BTrees
PEERS = {
    "splink": ("splink==5.0.0", "pandas"),
    "dedupe": ("dedupe==3.0.3", "BTrees==6.1"),
    "recordlinkage": ("recordlinkage==0.16",),
}
_GRID = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
_PATIENCE_SECONDS = 1800


class Truth:
    """The records of one data set and who they really are."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.ids = [row["unique_id"] for row in self.rows]
        self.place = {id_: place for place, id_ in enumerate(self.ids)}
        self.cluster = [row["cluster"] for row in self.rows]
        self.tuning = [hashlib.sha256(name.encode()).digest()[0] % 2 == 0 for name in self.cluster]

    def judge(self, pairs: Iterable[tuple[str, str]], half: bool | None) -> tuple[float, float, float]:
        """Give precision, recall and F1 of the groups that pairs make; ``half``: True tuning, False report."""
        inside = [half is None or each is half for each in self.tuning]
        known = [(self.place[left], self.place[right]) for left, right in pairs]
        known = [(left, right) for left, right in known if inside[left] and inside[right]]
        groups = Groups(len(self.ids))
        groups.join([left for left, _ in known], [right for _, right in known])
        roots = groups.roots().tolist()
        here = [place for place, each in enumerate(inside) if each]
        found = _pairs(Counter(roots[place] for place in here))
        true = _pairs(Counter(self.cluster[place] for place in here))
        right = _pairs(Counter((roots[place], self.cluster[place]) for place in here))
        precision, recall = right / max(found, 1), right / max(true, 1)
        return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _pairs(sizes: Counter[object]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def ours(name: str, truth: Truth) -> tuple[list[tuple[str, str]], float]:
    """Find doubles as the product does; give the pairs and the seconds of processor time."""
    columns = {column: [row[column] for row in truth.rows] for column in KINDS[name]}
    people = pa.table({"person_id": truth.ids, **columns})
    doubles(people.slice(0, 50), KINDS[name])  # imports and tables of names are not what is measured
    begun = time.process_time()
    found = doubles(people, KINDS[name])
    seconds = time.process_time() - begun
    return list(zip(found.column("left").to_pylist(), found.column("right").to_pylist(), strict=True)), seconds


def install(peer: str, folder: Path) -> Path:
    """Make an environment with one peer in it; give its Python."""
    python = folder / peer / "bin" / "python"
    if not python.exists():
        venv.create(folder / peer, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS[peer]], check=True, capture_output=True)  # noqa: S603
    return python


def theirs(peer: str, python: Path, name: str, records: Path) -> tuple[list[tuple[str, str, float]], float]:
    """Let a peer score pairs; give them and the seconds of processor time."""
    script = Path(__file__).parent / "persons_peers" / f"{peer}_pairs.py"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pairs.csv"
        command = [python, script, name, records, out]
        done = subprocess.run(  # noqa: S603 - our own script
            command, check=True, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, cwd=folder
        )
        with out.open(encoding="utf-8", newline="") as file:
            rows = [(row["left"], row["right"], float(row["score"])) for row in csv.DictReader(file)]
    return rows, float(json.loads(done.stdout.strip().splitlines()[-1])["seconds"])


def at(pairs: Sequence[tuple[str, str, float]], least: float) -> list[tuple[str, str]]:
    """Keep the pairs that are sure enough."""
    return [(left, right) for left, right, score in pairs if score >= least]


def tell(name: str, who: str, least: str, truth: Truth, pairs: list[tuple[str, str]], seconds: float) -> None:
    """Print one row of the table."""
    report, whole = truth.judge(pairs, half=False), truth.judge(pairs, half=None)
    numbers = " | ".join(f"{number:.3f}" for number in (*report, *whole))
    sys.stdout.write(f"| {name} | {who} | {least} | {numbers} | {len(truth.ids) / seconds:,.0f} |\n")
    sys.stdout.flush()


def compare(shared: Path, peers: Sequence[str], folder: Path) -> None:
    """Print the table."""
    sys.stdout.write("| data | who | threshold | P | R | F1 (held out) | P | R | F1 (all) | records/s |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
    for name in KINDS:
        records = shared / "data" / name / "records.csv"
        truth = Truth(records)
        pairs, seconds = ours(name, truth)
        tell(name, "handoff", f"{AT_LEAST} (fixed)", truth, pairs, seconds)
        for peer in peers:
            try:
                scored, seconds = theirs(peer, install(peer, folder), name, records)
            except (subprocess.SubprocessError, OSError) as error:
                words = str(getattr(error, "stderr", None) or error).strip().splitlines()
                sys.stdout.write(f"| {name} | {peer} | did not run: {words[-1] if words else error} |\n")
                continue
            best = max(_GRID, key=lambda least: truth.judge(at(scored, least), half=True)[2])
            tell(name, peer, f"{best} (tuned)", truth, at(scored, best), seconds)


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", action="store_true", help="also splink, dedupe and recordlinkage")
    parser.add_argument("--venvs", type=Path, help="keep the peers' environments here")
    words = parser.parse_args()
    shared = os.environ.get("HANDOFF_SHARED")
    if not shared:
        parser.error("HANDOFF_SHARED names no folder with data/persons_fake_1000 and data/persons_historical")
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(shared), tuple(PEERS) if words.peers else (), words.venvs or Path(folder))


if __name__ == "__main__":
    main()
