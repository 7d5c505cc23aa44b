"""Which account a person belongs to."""

from connector.matching.match import match, suspect_domains
from connector.matching.questions import answers, ask
from connector.matching.tables import ACCOUNTS_IN, ANSWERS, MATCHES, PERSONS_IN

__all__ = ["ACCOUNTS_IN", "ANSWERS", "MATCHES", "PERSONS_IN", "answers", "ask", "match", "suspect_domains"]
