"""A requests session that a connector can live with.

Every call has a timeout, is counted, and leaves the vendor's clock behind. Reads are tried again, bounded by tries and
seconds; writes are sent once, and a write without a clear answer is ``OutcomeUnknown``. No address, query, body or
library message is ever put into an error: they may hold people's data and tokens.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from tenacity import RetryCallState, Retrying, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from adapters.http.address import is_loopback
from adapters.http.awaiting import AwaitingAdapter
from adapters.http.bodies import body_of
from adapters.http.breaker import Breaker
from adapters.http.last_request import NO_COOKIES, LastRequest
from adapters.http.told import date_of, request_id_of, retry_after_seconds
from connector.errors import AccessError, AdapterFault, HandoffError, OutcomeUnknown, RateLimited, TransientError
from connector.ports.waits import Circuit, Waits

#: Answers that say "later" by status alone. 420 is an edge's answer for a host without a route (REST62 status codes).
LATER = frozenset({408, 420, 421, 425, 500, 502, 503, 504})
USER_AGENT = "handoff-connector/1"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a session waits for a vendor.

    Attributes:
        tries: the most requests one read may take, the first included.
        seconds: no further try starts when its wait would end later than this after the first.
        longest_wait_seconds: a Retry-After up to this is waited in full; a longer one ends the read at once.
        connect_seconds: to reach the host.
        read_seconds: between two pieces of an answer.
    """

    tries: int = 5
    seconds: float = 180.0
    longest_wait_seconds: float = 60.0
    connect_seconds: float = 5.0
    read_seconds: float = 120.0


#: What ops do about what came in place of an answer, where the usual advice is not enough.
_CURES = {
    "not_json": "check that the address is the vendor's API, and that no proxy or login page answers in its place",
    "odd_answer": "check that the address is the vendor's API, and that no proxy answers in its place",
}

#: Reads an answer and says what is wrong with it, or None when the caller wants to see it.
Judge = Callable[[requests.Response], HandoffError | None]


class VendorSession(requests.Session):
    """One vendor's session, for one thread at a time.

    ``judge`` may look at any answer first (a vendor's quota error under a strange status); without an opinion of its
    own it returns None and the rules here apply: 429 is ``RateLimited`` for reads and writes alike; statuses of
    ``LATER`` are ``TransientError`` for reads, and left to the caller for writes; so is every other status.
    """

    def __init__(
        self,
        vendor: str,
        *,
        patience: Patience | None = None,
        ca_file: str | None = None,
        judge: Judge | None = None,
        sleep: Callable[[float], None] = time.sleep,
        breaker: Breaker | None = None,
    ) -> None:
        """Prepare; sends nothing. ``vendor`` begins every error code (``salesforce.not_json``)."""
        super().__init__()
        self._breaker = breaker or Breaker()
        #: asked before each request; raises where none may be sent any more
        self.may_send: Callable[[], None] = _always
        self._vendor = vendor
        self._patience = patience or Patience()
        self._judge = judge
        self._sleep = sleep
        self._calls = 0
        self._retries = 0
        self._rate_limited = 0
        self._waited_seconds = 0.0
        self._clock: datetime | None = None
        self._ahead: timedelta | None = None
        #: something has answered at this address before: then it is worth waiting for
        self._met = False
        #: the last read used up its patience: until an answer comes, the next ones try once
        self._worn = False
        # Below this level urllib3 writes whole addresses, queries included, into the log.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self.headers["User-Agent"] = USER_AGENT
        self.headers["Accept-Encoding"] = "gzip, deflate"
        # A callable here keeps requests from putting a netrc password in place of our Authorization header.
        self.auth = _leave_as_is
        # Tokens say who we are; what a host would have us carry besides is not taken along.
        self.cookies.set_policy(NO_COOKIES)
        self._last = LastRequest()
        #: done once, after the next request has gone out; may not raise
        self.meanwhile: Callable[[], None] | None = None
        self._ca_file = ca_file
        #: what the environment says of proxies and certificates, by host and what was asked of it
        self._surroundings: dict[tuple[Any, ...], Any] = {}
        for prefix in ("https://", "http://"):
            self.mount(prefix, AwaitingAdapter(self._await, pool_connections=4, pool_maxsize=4, max_retries=0))

    @property
    def calls(self) -> int:
        """Requests sent so far, tries that failed included."""
        return self._calls

    @property
    def waits(self) -> Waits:
        """Retries, refusals for the rate's sake, and seconds waited before trying again."""
        return Waits(self._retries, self._rate_limited, self._waited_seconds)

    @property
    def circuit(self) -> Circuit:
        """Whether the system is asked at present."""
        return self._breaker.circuit()

    @property
    def clock(self) -> datetime | None:
        """The vendor's clock (UTC, whole seconds) as last seen in a Date header; None before the first answer."""
        return self._clock

    @property
    def ahead(self) -> timedelta | None:
        """How far this machine's clock was ahead of the vendor's at the last answer; None before the first."""
        return self._ahead

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Ask the environment once per host: the base class reads all of it, twice, for every request."""
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc, tuple((proxies or {}).items()), stream, verify, cert)
        known = self._surroundings.get(key)
        if known is None:
            known = self._surroundings[key] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return {**known, "proxies": dict(known["proxies"])}

    def _await(self) -> None:
        work, self.meanwhile = self.meanwhile, None
        if work is not None:
            work()

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Make a request ready; of one that is like the last but for its body, only the body."""
        return self._last.ready(request, self.headers, super().prepare_request)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send once, count it, note the vendor's clock; the base class calls this for every request."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (self._patience.connect_seconds, self._patience.read_seconds)
        self._calls += 1
        response = super().send(request, **kwargs)
        self._met = True
        self._note_clock(response)
        return response

    def request(  # type: ignore[override]  # one keyword more than the base; everything else passes through
        self, method: str, url: str, *args: Any, repeatable: bool | None = None, **kwargs: Any
    ) -> requests.Response:
        """Ask, and ask again where that is harmless.

        ``repeatable`` says that the request may be sent twice (None: GET, HEAD and OPTIONS may). A repeatable request
        comes back with a JSON body, an empty one, or a status for the caller to read; never with a page of HTML.
        Redirects are not followed. An address where nobody has ever answered is tried twice, not five times; and when
        a read has been given up, later ones are tried once each until one is answered.

        Raises:
            RateLimited: the vendor asks for more patience than we have, or keeps asking.
            TransientError: unreachable, talking nonsense, or left alone for now (``circuit_open``); for a write:
                certainly not sent. Also what ``may_send`` raises: nothing was sent.
            OutcomeUnknown: a write was sent and no answer came.
            AccessError: the vendor's certificate is not trusted.
        """
        kwargs["allow_redirects"] = False
        if is_loopback(urlsplit(url).hostname or ""):
            # The environment's proxies are for the outside.
            kwargs["proxies"] = {"http": None, "https": None}
        if self._ca_file:
            # Said with each request: the session's own setting loses to REQUESTS_CA_BUNDLE.
            kwargs["verify"] = self._ca_file
        safe = method.upper() in ("GET", "HEAD", "OPTIONS") if repeatable is None else repeatable
        self.may_send()
        self._refuse_while_open()
        try:
            response = (
                self._patiently(method, url, args, kwargs)
                if safe
                else self._once(method, url, args, kwargs, safe=False)
            )
        except RateLimited:
            self._breaker.answered()
            raise
        except (TransientError, OutcomeUnknown) as error:
            self._breaker.failed(error.code)
            raise
        if safe or not _is_edge_page(response):
            self._breaker.answered()
        else:
            self._breaker.failed(f"{self._vendor}.http_{response.status_code}")
        return response

    def _refuse_while_open(self) -> None:
        """Let nothing through while the system is left alone; what goes then is a probe, sent once.

        Raises:
            TransientError: not yet.
        """
        rest = self._breaker.rest_seconds()
        if rest:
            raise TransientError(
                f"{self._vendor}.circuit_open",
                "the system did not answer several times in a row and is left alone for a moment",
                retry_after_seconds=rest,
                cure="nothing: it is asked again by itself; if it stays, look at its status page",
                at=self._vendor,
            )
        self._worn = self._worn or self._breaker.open

    def _patiently(self, method: str, url: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> requests.Response:
        patience = self._patience
        retrying = Retrying(
            stop=stop_after_attempt(patience.tries) | stop_before_delay(patience.seconds),
            wait=self._wait,
            retry=self._worth_another,
            sleep=self._pause,
            reraise=True,
        )
        try:
            response: requests.Response = retrying(self._once, method, url, args, kwargs, safe=True)
        except TransientError as error:
            self._worn = not isinstance(error, RateLimited)
            raise
        self._worn = False
        return response

    def fault(self, kind: str, message: str, *, response: requests.Response | None = None) -> TransientError:
        """Build this vendor's ``TransientError``; ``message`` must not hold anything from an answer."""
        return TransientError(
            f"{self._vendor}.{kind}",
            message,
            cure=_CURES.get(kind, ""),
            at=self._vendor,
            request_id=request_id_of(response),
        )

    def _once(
        self, method: str, url: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, safe: bool
    ) -> requests.Response:
        try:
            response = super().request(method, url, *args, **kwargs)
        except requests.RequestException as error:
            raise self._network_error(error, safe=safe) from None
        verdict = (self._judge(response) if self._judge else None) or self._default_verdict(response, safe=safe)
        if verdict is not None:
            self._rate_limited += isinstance(verdict, RateLimited)
            raise verdict
        return response

    def _default_verdict(self, response: requests.Response, *, safe: bool) -> HandoffError | None:
        status = response.status_code
        if status == 429:
            return RateLimited(
                f"{self._vendor}.rate_limited",
                "the vendor asks us to come later",
                retry_after_seconds=retry_after_seconds(response),
                at=self._vendor,
                request_id=request_id_of(response),
            )
        if not safe:
            return None
        if status in LATER:
            return self.fault(f"http_{status}", f"the vendor answered with status {status}", response=response)
        if response.content and status < 300:
            try:
                body_of(response)
            except ValueError:
                return self.fault("not_json", "the answer is cut or is no JSON", response=response)
        return None

    def _network_error(self, error: requests.RequestException, *, safe: bool) -> HandoffError:
        causes = _causes(error)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return AccessError(
                f"{self._vendor}.certificate",
                "the certificate of the vendor's host is not trusted",
                cure="set ca_file when the host has a certificate authority of its own",
                at=self._vendor,
            )
        if isinstance(error, ValueError):
            return AdapterFault(f"{self._vendor}.bad_request", "a request could not be built", at=self._vendor)
        if any(isinstance(cause, (NewConnectionError, ConnectTimeoutError)) for cause in causes):
            return TransientError(
                f"{self._vendor}.unreachable",
                "the vendor's host cannot be reached",
                cure="check its address in handoff.yaml, and the network",
                at=self._vendor,
            )
        if not safe:
            return OutcomeUnknown(
                f"{self._vendor}.no_answer", "a write was sent and no answer came back", at=self._vendor
            )
        if isinstance(error, requests.Timeout):
            return self.fault("timeout", "the vendor did not answer in time")
        return self.fault("cut", "the connection broke before the answer was whole")

    def _worth_another(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited):
            wait = error.retry_after_seconds or 0.0
            return not error.daily and wait <= self._patience.longest_wait_seconds
        if not isinstance(error, TransientError) or self._worn:
            return False
        # A host that was never there is most likely misspelt; one more try is for the moment in which it starts.
        return self._met or state.attempt_number < 2

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after_seconds if isinstance(error, RateLimited) else None
        return _JITTER(state) if told is None else told

    def _pause(self, seconds: float) -> None:
        self._retries += 1
        self._waited_seconds += seconds
        self._sleep(seconds)

    def _note_clock(self, response: requests.Response) -> None:
        seen = date_of(response)
        if seen is not None:
            self._clock, self._ahead = seen, datetime.now(UTC) - seen


#: Full jitter: anywhere between nothing and the doubled span, so that many clients do not come back together.
_JITTER = wait_random_exponential(multiplier=0.5, max=20)


def _is_edge_page(response: requests.Response) -> bool:
    """Say whether a write was answered by whatever stands before a vendor that is down, not by the vendor."""
    if response.status_code not in LATER:
        return False
    try:
        return body_of(response) is None or response.status_code in (502, 503, 504)
    except ValueError:
        return True


def _causes(error: BaseException) -> list[BaseException]:
    """List an error with everything that led to it: requests keeps the reason in ``args``, urllib3 in ``reason``."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseException) and all(item is not known for known in found):
            found.append(item)
            todo += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


def _always() -> None:
    return


def _leave_as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
