"""Where things live in the two trees of the API: v3/v4 and the dated editions (hubspot.md section 1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one edition; ``v3`` also stands for the v1 and v4 paths that go with it."""

    edition: str

    def objects(self, kind: str) -> str:
        """Give the collection of one type of record."""
        return f"/crm/v3/objects/{kind}" if self._old else f"/crm/objects/{self.edition}/{kind}"

    def search(self, kind: str) -> str:
        """Give the search of one type of record."""
        return f"{self.objects(kind)}/search"

    def batch_read(self, kind: str) -> str:
        """Give the reading of records by id."""
        return f"{self.objects(kind)}/batch/read"

    def batch_create(self, kind: str) -> str:
        """Give the creation of records."""
        return f"{self.objects(kind)}/batch/create"

    def batch_update(self, kind: str) -> str:
        """Give the changing of records by id."""
        return f"{self.objects(kind)}/batch/update"

    def associations(self, of: str, to: str) -> str:
        """Give the batch reading of associations."""
        tree = "/crm/v4/associations" if self._old else f"/crm/associations/{self.edition}"
        return f"{tree}/{of}/{to}/batch/read"

    def properties(self, kind: str) -> str:
        """Give the definitions of a type's properties."""
        return f"/crm/v3/properties/{kind}" if self._old else f"/crm/properties/{self.edition}/{kind}"

    @property
    def account(self) -> str:
        """The account's own details."""
        return "/account-info/v3/details" if self._old else f"/account-info/{self.edition}/details"

    @property
    def token(self) -> str:
        """Where access tokens are fetched."""
        return "/oauth/v1/token" if self._old else f"/oauth/{self.edition}/token"

    @property
    def events(self) -> str:
        """Occurrences of web events."""
        return "/events/v3/events" if self._old else f"/events/event-occurrences/{self.edition}"

    @property
    def forms(self) -> str:
        """The list of forms; no stable dated path exists yet."""
        return "/marketing/v3/forms"

    @staticmethod
    def submissions(form: str) -> str:
        """Give the submissions of one form; they exist in v1 only."""
        return f"/form-integrations/v1/submissions/forms/{form}"

    @property
    def email_events(self) -> str:
        """Events of marketing e-mail; they exist in v1 only."""
        return "/email/public/v1/events"

    @property
    def _old(self) -> bool:
        return self.edition == "v3"
