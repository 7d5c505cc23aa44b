"""Further models beside scoring.yaml: named as their files, and silent about what is said once."""

from __future__ import annotations

from connector.mapping.agreement.report import Report, Shaped
from connector.mapping.facts import PERSON_SOURCES
from connector.mapping.scoring import ScoringModel

_PREFIX = "scoring-"
#: what scoring.yaml says for all models: path → what it is about
_SAID_ONCE = {
    ("account",): "accounts are scored by scoring.yaml",
    ("dimensions", "qualification", "bants"): "the answers of people are read as scoring.yaml says",
    ("too_hot",): "the flag is scoring.yaml's",
    ("early_alert",): "the flag is scoring.yaml's",
    ("write_step",): "when numbers are written is said in scoring.yaml",
}
#: names with another meaning after ``score.``
_TAKEN = frozenset(source.removeprefix("score.") for source in PERSON_SOURCES if source.startswith("score."))
_MEANT = _TAKEN | {"fit_low", "fit_high", "verdict", "buying_stage"}


def check_further(report: Report, shaped: Shaped, file: str, model: ScoringModel) -> None:
    """Note a name that is not the file's, that another model has, or that means something else; and keys said once."""
    wanted = file.removeprefix(_PREFIX)
    if wanted in _MEANT:
        message = f"score.{wanted} is a result of scoring.yaml; give file and model another name"
        report.add(file, ("name",), message)
    elif model.name != wanted:
        report.add(file, ("name",), f"the model of {file}.yaml is called {wanted}; write name: {wanted}")
    elif shaped.scoring is not None and shaped.scoring.name == model.name:
        report.add(file, ("name",), f"scoring.yaml has the name {model.name} already; give one of them another")
    for path, why in _SAID_ONCE.items():
        nodes, lost = shaped.parts[file].deepest(path)
        if not lost and nodes:
            report.add(file, path, f"{why}; remove it here", key=True)
