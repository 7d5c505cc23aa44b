"""What the account says of the properties that writes are about, asked once and kept."""

from __future__ import annotations

from adapters.hubspot.description import read_properties
from adapters.hubspot.wire import Wire
from adapters.hubspot.words import KEY, LIFECYCLE, PATHS
from connector.ports.traits import FieldInfo


class Schema:
    """Properties by object and name."""

    def __init__(self, wire: Wire) -> None:
        """Prepare; sends nothing."""
        self._wire = wire
        self._known: dict[str, dict[str, FieldInfo]] = {}

    def get(self, word: str) -> dict[str, FieldInfo]:
        """Give the living properties of one of our words; one call, the first time.

        Raises:
            AccessError, RateLimited, TransientError: the account cannot be asked.
        """
        if word not in self._known:
            fields = read_properties(self._wire, PATHS[word], word)
            self._known[word] = {field.name: field for field in fields}
        return self._known[word]

    def forget(self) -> None:
        """Ask anew at the next use. Sends nothing."""
        self._known.clear()

    def keeps_keys(self, word: str) -> bool:
        """Say whether records of this kind have a place for our key. May ask."""
        return word in PATHS and KEY in self.get(word)

    def key_is_unique(self, word: str) -> bool:
        """Say whether the account keeps our key unique, as far as it has been asked. Sends nothing."""
        known = self._known.get(word, {}).get(KEY)
        return known is not None and known.unique

    def asked(self, word: str) -> bool:
        """Say whether the account has been asked. Sends nothing."""
        return word in self._known

    def stages(self, word: str) -> tuple[str, ...]:
        """Give the lifecycle stages from the first to the last. May ask."""
        known = self.get(word).get(LIFECYCLE)
        return known.values if known is not None else ()
