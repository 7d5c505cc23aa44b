"""Which account a person belongs to."""

from connector.matching.match import match, suspect_domains
from connector.matching.tables import ACCOUNTS_IN, ANSWERS, MATCHES, PERSONS_IN

__all__ = ["ACCOUNTS_IN", "ANSWERS", "MATCHES", "PERSONS_IN", "match", "suspect_domains"]
