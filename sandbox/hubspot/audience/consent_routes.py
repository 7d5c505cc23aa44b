"""Consent, in its v3 and its v4 form ("Subscription preferences" guides)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import invalid, iso
from sandbox.hubspot.audience.consent import CHANNEL, SUBSCRIPTIONS, Consent, subscription
from sandbox.hubspot.body_members import body_of, entries_of, entry_of, words_of
from sandbox.hubspot.records.record_answers import flag

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal

MOST = 100
STATUSES = frozenset({"SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"})


class ConsentRoutes:
    """Answer the calls on consent."""

    def __init__(self, portal: Portal, consent: Consent) -> None:
        """Serve a portal."""
        self._portal, self._consent = portal, consent

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        v3, v4 = "/communication-preferences/v3", "/communication-preferences/v4"
        router.add("GET", f"{v3}/definitions", self.definitions)
        router.add("GET", f"{v3}/status/email/{{email}}", self.status_v3)
        router.add("POST", f"{v3}/subscribe", self.subscribe)
        router.add("POST", f"{v3}/unsubscribe", self.unsubscribe)
        router.add("GET", f"{v4}/definitions", self.definitions)
        batch = f"{v4}/statuses/batch"
        router.add("POST", f"{batch}/read", self.read_batch)
        router.add("POST", f"{batch}/write", self.write_batch)
        router.add("POST", f"{batch}/unsubscribe-all", self.opt_out_batch)
        router.add("POST", f"{batch}/unsubscribe-all/read", self.opted_out_batch)
        one = f"{v4}/statuses/{{email}}"
        router.add("GET", one, self.status)
        router.add("POST", one, self.set_status)
        router.add("GET", f"{one}/unsubscribe-all", self.opted_out)
        router.add("POST", f"{one}/unsubscribe-all", self.opt_out)

    def definitions(self, request: Request, params: dict[str, str]) -> Response:
        """List the kinds of mailings."""
        del params
        self._portal.apart("describe")
        stamp = iso(next(iter(self._portal.records.rows("property"))).created_at)
        entries = [
            {"id": str(kind.id), "name": kind.name, "description": "", "purpose": kind.purpose,
             "communicationMethod": "Email", "isActive": True, "isDefault": True, "isInternal": False,
             "createdAt": stamp, "updatedAt": stamp}
            for kind in SUBSCRIPTIONS
        ]  # fmt: skip
        if "/v3/" in request.path:
            return Response(200, {"subscriptionDefinitions": entries})
        return self._done(entries)

    def _done(self, results: list[Any]) -> Response:
        stamp = iso(self._portal.now())
        return Response(200, {"status": "COMPLETE", "results": results, "startedAt": stamp, "completedAt": stamp})

    # -- v3 ------------------------------------------------------------------------------------

    def status_v3(self, request: Request, params: dict[str, str]) -> Response:
        """Tell what one address takes."""
        del request
        self._portal.apart("look_up")
        email = params["email"].lower()
        shown = [self._shown_v3(self._consent.status(email, kind)) for kind in SUBSCRIPTIONS]
        return Response(200, {"recipient": params["email"], "subscriptionStatuses": shown})

    def _shown_v3(self, status: dict[str, Any]) -> dict[str, Any]:
        wide = self._consent.opted_out(status["subscriberIdString"])
        shown = {
            "id": str(status["subscriptionId"]),
            "name": status["subscriptionName"],
            "description": "",
            "status": "SUBSCRIBED" if status["status"] == "SUBSCRIBED" else "NOT_SUBSCRIBED",
            "sourceOfStatus": "PORTAL_WIDE_STATUS" if wide else "SUBSCRIPTION_STATUS",
        }
        return shown | {name: status[name] for name in ("legalBasis", "legalBasisExplanation") if name in status}

    def subscribe(self, request: Request, params: dict[str, str]) -> Response:
        """Opt an address in."""
        del params
        return self._set_v3(body_of(request), "SUBSCRIBED")

    def unsubscribe(self, request: Request, params: dict[str, str]) -> Response:
        """Opt an address out of one kind of mailing."""
        del params
        return self._set_v3(body_of(request), "UNSUBSCRIBED")

    def _set_v3(self, wish: dict[str, Any], status: str) -> Response:
        email, kind = _address(wish.get("emailAddress")), subscription(wish.get("subscriptionId"))
        self._portal.wrote("subscriptions", "update", int(self._consent.set(email, kind, status, wish)), 1)
        return Response(200, self._shown_v3(self._consent.status(email, kind)))

    # -- v4, one address -----------------------------------------------------------------------

    def status(self, request: Request, params: dict[str, str]) -> Response:
        """Tell what one address takes."""
        _check_channel(request.arg("channel"))
        self._portal.apart("look_up")
        return self._done([self._consent.status(params["email"].lower(), kind) for kind in SUBSCRIPTIONS])

    def set_status(self, request: Request, params: dict[str, str]) -> Response:
        """Note what one address wants of one kind of mailing."""
        wish = body_of(request)
        shown, news = self._set(params["email"], wish)
        self._portal.wrote("subscriptions", "update", int(news), 1)
        return self._done([shown])

    def _set(self, address: Any, wish: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        _check_channel(wish.get("channel"))
        email, kind = _address(address), subscription(wish.get("subscriptionId"))
        status = str(wish.get("statusState") or wish.get("status_state") or "")
        if status not in STATUSES:
            raise invalid(f"statusState must be one of {sorted(STATUSES)}")
        before = self._consent.status(email, kind)["status"]
        news = self._consent.set(email, kind, status, wish)
        reason = "REQUESTED_CHANGE_OCCURRED" if before != status else "NO_STATUS_CHANGE"
        return {**self._consent.status(email, kind), "setStatusSuccessReason": reason}, news

    def opted_out(self, request: Request, params: dict[str, str]) -> Response:
        """Tell whether an address opted out of everything."""
        _check_channel(request.arg("channel"))
        self._portal.apart("look_up")
        return self._done([self._consent.wide(params["email"].lower())])

    def opt_out(self, request: Request, params: dict[str, str]) -> Response:
        """Opt an address out of everything."""
        _check_channel(request.arg("channel"))
        email = _address(params["email"])
        self._portal.wrote("subscriptions", "update", int(self._consent.opt_out(email)), 1)
        return self._done(self._after(email) if flag(request, "verbose") else [])

    def _after(self, email: str) -> list[dict[str, Any]]:
        reason = {"setStatusSuccessReason": "UNSUBSCRIBE_FROM_ALL_OCCURRED"}
        return [{**self._consent.status(email, kind), **reason} for kind in SUBSCRIPTIONS]

    # -- v4, many addresses --------------------------------------------------------------------

    def _inputs(self, request: Request) -> list[str]:
        _check_channel(request.arg("channel"))
        found = [_address(word) for word in words_of(body_of(request).get("inputs"), "inputs")]
        self._check_size(len(found))
        return found

    def _check_size(self, number: int) -> None:
        if number > MOST:
            self._portal.call.violation = True
            raise invalid(f"At most {MOST} addresses may be named at once")

    def read_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Tell what up to 100 addresses take."""
        del params
        self._portal.apart("look_up")
        results = [
            {"subscriberIdString": email, "statuses": [self._consent.status(email, kind) for kind in SUBSCRIPTIONS]}
            for email in self._inputs(request)
        ]
        return self._done(results)

    def write_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Note what up to 100 addresses want."""
        del params
        entries = [entry_of(entry, "inputs") for entry in entries_of(body_of(request).get("inputs"), "inputs")]
        self._check_size(len(entries))
        done = [self._set(entry.get("subscriberIdString"), entry) for entry in entries]
        self._portal.wrote("subscriptions", "update", sum(news for _, news in done), MOST)
        return self._done([shown for shown, _ in done])

    def opt_out_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Opt up to 100 addresses out of everything."""
        del params
        emails, verbose = self._inputs(request), flag(request, "verbose")
        self._portal.wrote("subscriptions", "update", sum(self._consent.opt_out(email) for email in emails), MOST)
        return self._done(
            [{"subscriberIdString": email, **({"statuses": self._after(email)} if verbose else {})} for email in emails]
        )

    def opted_out_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Tell which of up to 100 addresses opted out of everything."""
        del params
        self._portal.apart("look_up")
        results = [
            {"subscriberIdString": email, "wideStatuses": [self._consent.wide(email)]}
            for email in self._inputs(request)
        ]
        return self._done(results)


def _check_channel(given: Any) -> None:
    if (given or CHANNEL) != CHANNEL:
        raise invalid(f"channel must be {CHANNEL}")


def _address(given: Any) -> str:
    text = str(given or "").strip().lower()
    if "@" not in text:
        raise invalid(f"{text[:60]} is not an e-mail address")
    return text
