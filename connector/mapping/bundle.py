"""All mapping files of a folder, read and agreed with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.mapping.fields import FieldsFile, MatchingFile
from connector.mapping.lifecycle import LifecycleFile
from connector.mapping.routing import RoutingFile
from connector.mapping.scoring import ScoringModel


@dataclass(frozen=True, slots=True)
class Mappings:
    """The five files of one folder, and further models beside them.

    Attributes:
        scoring: the model of grade, verdict, stages, accounts and flags.
        further: the models of scoring-NAME.yaml, by name.
        digest: hash of the files' bytes, sorted by name; a plan is out of date when it differs.
        files: the texts it was read from, by the names of the files in the folder.
    """

    fields: FieldsFile
    matching: MatchingFile
    scoring: ScoringModel
    lifecycle: LifecycleFile
    routing: RoutingFile
    digest: str
    further: tuple[ScoringModel, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
