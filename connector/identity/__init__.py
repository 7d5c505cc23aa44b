"""Who is who: source people, leads and contacts become persons."""

from connector.identity.identify import identify
from connector.identity.questions import answers
from connector.identity.tables import ALIASES, DECIDED, PEOPLE, RECORDS, WHY, Identified, nobody, undecided

__all__ = ["ALIASES", "DECIDED", "PEOPLE", "RECORDS", "WHY", "Identified", "answers", "identify", "nobody", "undecided"]
