"""Which account a person belongs to."""

from connector.matching.kept_matcher import kept_matcher
from connector.matching.match import Matcher, match, matcher, suspect_domains
from connector.matching.questions import Shared, answers, ask, shared_in
from connector.matching.suggest import Suggestion
from connector.matching.tables import ACCOUNTS_IN, ANSWERS, LINKED_IN, MATCHES, PERSONS_IN

__all__ = [
    "ACCOUNTS_IN",
    "ANSWERS",
    "LINKED_IN",
    "MATCHES",
    "PERSONS_IN",
    "Matcher",
    "Shared",
    "Suggestion",
    "answers",
    "ask",
    "kept_matcher",
    "match",
    "matcher",
    "shared_in",
    "suspect_domains",
]
