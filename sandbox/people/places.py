"""Places, trades and mailbox providers the sample people are drawn from."""

# ruff: noqa: RUF001, SIM905 - other alphabets are the point; syllables read best in a row
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A city with what an address needs, the language people speak there and how often it comes up."""

    city: str
    state: str | None
    country: str
    tongue: str
    dial: str
    weight: int
    suffixes: tuple[str, ...]  # domain endings local firms use


PLACES: tuple[Place, ...] = (
    Place("Boston", "MA", "US", "en", "+1 617", 10, ("example", "example", "com")),
    Place("Austin", "TX", "US", "en", "+1 512", 9, ("example", "io")),
    Place("San José", "CA", "US", "en", "+1 408", 9, ("example", "com")),
    Place("Chicago", "IL", "US", "en", "+1 312", 8, ("example",)),
    Place("Toronto", "ON", "CA", "en", "+1 416", 4, ("example", "ca")),
    Place("Montréal", "QC", "CA", "fr", "+1 514", 2, ("example", "ca")),
    Place("London", None, "GB", "en", "+44 20", 8, ("example", "co.uk", "co.uk")),
    Place("Leeds", None, "GB", "en", "+44 113", 3, ("co.uk", "example")),
    Place("Dublin", None, "IE", "en", "+353 1", 2, ("example", "ie")),
    Place("Sydney", "NSW", "AU", "en", "+61 2", 3, ("com.au", "example")),
    Place("Berlin", None, "DE", "de", "+49 30", 6, ("example", "de")),
    Place("München", "BY", "DE", "de", "+49 89", 6, ("example", "de")),
    Place("Zürich", "ZH", "CH", "de", "+41 44", 3, ("example", "ch")),
    Place("Wien", None, "AT", "de", "+43 1", 3, ("example", "co.at")),
    Place("Paris", None, "FR", "fr", "+33 1", 5, ("example", "fr")),
    Place("Lyon", None, "FR", "fr", "+33 4", 2, ("example",)),
    Place("Madrid", None, "ES", "es", "+34 91", 3, ("example", "es")),
    Place("Ciudad de México", "CMX", "MX", "es", "+52 55", 2, ("com.mx", "example")),
    Place("Göteborg", None, "SE", "sv", "+46 31", 3, ("example", "se")),
    Place("Oslo", None, "NO", "sv", "+47 2", 2, ("example",)),
    Place("Kraków", None, "PL", "pl", "+48 12", 2, ("com.pl", "example")),
    Place("Tōkyō", "13", "JP", "ja", "+81 3", 3, ("co.jp", "example")),
    Place("上海", None, "CN", "zh", "+86 21", 2, ("com.cn", "example")),
    Place("Київ", None, "UA", "uk", "+380 44", 1, ("com.ua", "example")),
    Place("Dubai", None, "AE", "ar", "+971 4", 1, ("example",)),
    Place("Bengaluru", "KA", "IN", "hi", "+91 80", 4, ("co.in", "example")),
)
PLACE_WEIGHTS = tuple(place.weight for place in PLACES)
INDUSTRIES: tuple[tuple[str, str], ...] = (
    ("Software", "Systems"),
    ("Software", "Cloud"),
    ("Financial Services", "Capital"),
    ("Banking", "Bank"),
    ("Manufacturing", "Works"),
    ("Manufacturing", "Precision"),
    ("Healthcare", "Health"),
    ("Retail", "Stores"),
    ("Consulting", "Partners"),
    ("Transportation", "Logistics"),
    ("Education", "Academy"),
    ("Energy", "Power"),
    ("Media", "Media"),
    ("Telecommunications", "Networks"),
)
WORD_STARTS = tuple(
    "Nor Vel Kar Lum Bre Tal Quin Ost Mar Sol Fen Hol Ard Zan Ily Dro Pra Wes Gal Rud Cyr Eld Tho Umb".split()
)
WORD_ENDS = tuple(
    "vale tex dyne mont wick tron field mera stadt loop haven gate nova path ström lia core ford qvist".split()
)
LEGAL_FORMS: dict[str, tuple[str, ...]] = {
    "US": ("Inc.", "LLC", "Corp.", ""), "CA": ("Inc.", "Ltée", ""), "GB": ("Ltd", "plc", ""), "IE": ("Ltd",),
    "AU": ("Pty Ltd", ""), "DE": ("GmbH", "AG", "GmbH & Co. KG", "SE"), "CH": ("AG", "SA"), "AT": ("GmbH",),
    "FR": ("SAS", "SARL", "S.A."), "ES": ("S.L.", "S.A."), "MX": ("S.A. de C.V.",), "SE": ("AB",), "NO": ("AS",),
    "PL": ("Sp. z o.o.",), "JP": ("株式会社", "K.K."), "CN": ("有限公司", "Co., Ltd."), "UA": ("ТОВ",),
    "AE": ("FZE",), "IN": ("Pvt. Ltd.", "Limited"),
}  # fmt: skip
COMPANY_SIZES: tuple[int, ...] = (
    3,
    8,
    12,
    25,
    40,
    60,
    85,
    120,
    180,
    240,
    350,
    520,
    800,
    1400,
    2600,
    5200,
    12000,
    48000,
)
FREE_MAIL = (
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "outlook.com",
    "yahoo.com",
    "gmx.de",
    "hotmail.com",
    "icloud.com",
    "qq.com",
    "orange.fr",
)
DISPOSABLE = ("mailinator.com", "guerrillamail.com", "10minutemail.com", "yopmail.com")
COUNTRY_NAMES: dict[str, str] = {
    "US": "United States", "CA": "Canada", "GB": "United Kingdom", "IE": "Ireland", "AU": "Australia", "DE": "Germany",
    "CH": "Switzerland", "AT": "Austria", "FR": "France", "ES": "Spain", "MX": "Mexico", "SE": "Sweden", "NO": "Norway",
    "PL": "Poland", "JP": "Japan", "CN": "China", "UA": "Ukraine", "AE": "United Arab Emirates", "IN": "India",
}  # fmt: skip
COUNTRY_SPELLINGS: dict[str, tuple[str, ...]] = {
    "US": ("USA", "U.S.", "United States of America", "us"), "GB": ("UK", "England", "Great Britain"),
    "DE": ("Deutschland", "germany", "GER"), "CH": ("Schweiz",), "ES": ("España",), "JP": ("日本",),
    "AT": ("Österreich",),
}  # fmt: skip
