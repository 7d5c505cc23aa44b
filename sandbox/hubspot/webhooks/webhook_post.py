"""Carry webhook events to a loopback address: signed, in batches, again when it fails ("Webhooks API" guide)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.hubspot.answers import ms

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.core.clock import OrgClock
    from sandbox.hubspot.webhooks.messages import Event

LARGEST_POST = 100
#: Seconds of real time within which a subscriber must answer.
ANSWER_S = 5.0
#: Seconds of real time between two looks at the clock while something waits.
LOOK_S = 0.05
MOST_RETRIES = 10
#: After the n-th failure it is tried again after this long; all together about a day.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 3, 10, 30, 60, 120, 180, 240, 360, 420))
#: The v3 signature decodes only these escapes of the address.
DECODED = {"3A": ":", "2F": "/", "3F": "?", "40": "@", "21": "!", "24": "$", "27": "'", "28": "(", "29": ")",
           "2A": "*", "2C": ",", "3B": ";"}  # fmt: skip
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def loopback(address: str) -> bool:
    """Tell whether events may go to an address: the sandbox speaks to its own machine only."""
    parts = urlsplit(address)
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def signatures(secret: str, method: str, address: str, body: bytes, moment: datetime) -> dict[str, str]:
    """Return the headers that prove who sends: version 1 and version 3."""
    older = hashlib.sha256(secret.encode() + body).hexdigest()
    plain = address
    for code, sign in DECODED.items():
        plain = plain.replace(f"%{code}", sign).replace(f"%{code.lower()}", sign)
    stamp = str(ms(moment))
    digest = hmac.new(secret.encode(), f"{method}{plain}".encode() + body + stamp.encode(), hashlib.sha256).digest()
    return {
        "X-HubSpot-Signature": older,
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
    }


class Courier:
    """Post events in a thread of its own, which lives only while something waits."""

    def __init__(self, clock: OrgClock, secret: str) -> None:
        """Sign with the app's secret; when something is due is up to the account's clock."""
        self._clock, self._secret = clock, secret
        self._targets: dict[str, str] = {}
        self._waiting: list[Event] = []
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        #: Decides the jitter of retries; the same for the same account.
        self._dice = random.Random(secret)

    def send(self, events: list[Event], targets: dict[str, str]) -> None:
        """Take events over; ``targets`` says where each app's go."""
        with self._condition:
            self._targets.update(targets)
            self._waiting += events
            if self._waiting and self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="sandbox-webhooks", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def forget(self) -> None:
        """Drop what waits."""
        with self._condition:
            self._waiting.clear()

    def close(self) -> None:
        """Stop; what waits is lost."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(ANSWER_S + 1)

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            app_id, events = batch
            for event in events:
                event.body["attemptNumber"] = event.attempt
            sent_at = self._clock.now()
            if not self._post(self._targets[app_id], [event.body for event in events]):
                self._again(events, sent_at)

    def _next(self) -> tuple[str, list[Event]] | None:
        """Wait for the next post; None when nothing waits any more, and the thread ends."""
        with self._condition:
            while True:
                if self._closed or not self._waiting:
                    self._thread = None
                    return None
                now = self._clock.now()
                due = [event for event in self._waiting if event.due <= now]
                if due:
                    first = due[0].app_id
                    chosen = [event for event in due if event.app_id == first][:LARGEST_POST]
                    self._waiting = [event for event in self._waiting if event not in chosen]
                    return first, chosen
                self._condition.wait(LOOK_S)

    def _again(self, events: list[Event], sent_at: datetime) -> None:
        """Put events back for later, counted from their sending; those that failed too often are given up."""
        with self._condition:
            for event in events:
                if event.attempt < MOST_RETRIES:
                    event.due = sent_at + PAUSES[event.attempt] * self._dice.uniform(0.8, 1.2)
                    event.attempt += 1
                    self._waiting.append(event)

    def _post(self, address: str, bodies: list[dict[str, object]]) -> bool:
        """Send one post; return whether the subscriber took it."""
        parts = urlsplit(address)
        body = json.dumps(bodies, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "HubSpot Connect 2.0"}
        headers |= signatures(self._secret, "POST", address, body, self._clock.now())
        sort = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = sort(parts.hostname or "", parts.port, timeout=ANSWER_S)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
