"""Do the five files agree, within themselves and with each other?"""

from connector.mapping.agreement.checks import agree
from connector.mapping.agreement.report import Report, Shaped

__all__ = ["Report", "Shaped", "agree"]
