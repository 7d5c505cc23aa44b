"""Which record is associated with which, and under which labels. One row holds both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import Refusal, invalid
from sandbox.hubspot.links import DEFAULT_TYPE, ENDS, HUBSPOT_DEFINED, INVERSE, LABELS, PRIMARY_TYPE, USER_DEFINED
from sandbox.hubspot.objects import TYPES

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.hubspot.portal import Portal

Label = tuple[str, int]  # category, type id
RANK = {name: rank for rank, name in enumerate(TYPES)}
FIRST_OWN_LABEL = 1001


class AssociationBook:
    """Keep associations; a pair's labels are stored as seen from its ``a`` side."""

    def __init__(self, portal: Portal) -> None:
        """Keep them in the portal's store."""
        self._portal = portal

    def of(self, origin: str, row_id: str, to: str) -> list[tuple[str, list[Label], Record]]:
        """Return (other id, labels as seen from ``row_id``, row), in ascending order of the other id."""
        records = self._portal.records
        found: list[tuple[str, list[Label], Record]] = [
            (row.values["b"], _labels(row), row)
            for row in records.find("association", "a", row_id)
            if (row.values["a_type"], row.values["b_type"]) == (origin, to)
        ]
        found += [
            (row.values["a"], [self._turned(label) for label in _labels(row)], row)
            for row in records.find("association", "b", row_id)
            if (row.values["b_type"], row.values["a_type"]) == (origin, to)
        ]
        return sorted(found, key=lambda entry: int(entry[0]))

    def put(self, origin: str, row_id: str, to: str, other: str, labels: list[Label]) -> Record:
        """Give a pair exactly these labels; a primary one brings the plain one and takes it from the others.

        Raises:
            Refusal: 400 for a label that does not belong between the two types.
        """
        wanted = self._checked(origin, to, labels)
        self._check_limits(origin, row_id, to, other, wanted)
        if (HUBSPOT_DEFINED, PRIMARY_TYPE.get((origin, to))) in wanted:
            if to == "companies":
                self._unseat(origin, row_id, to, other)
            else:  # a company has many primary contacts, a contact has one primary company
                self._unseat(to, other, origin, row_id)
        if (RANK[origin], int(row_id)) <= (RANK[to], int(other)):
            values = {"a": row_id, "b": other, "a_type": origin, "b_type": to}
        else:
            values = {"a": other, "b": row_id, "a_type": to, "b_type": origin}
            wanted = [self._turned(label) for label in wanted]
        return self._store(values, wanted)

    def _store(self, ends: dict[str, str], labels: list[Label]) -> Record:
        row_id = f"association:{ends['a']}~{ends['b']}"
        types = sorted(list(label) for label in labels)
        known = self._portal.records.get("association", row_id)
        if known is None:
            return self._portal.insert("association", row_id, {**ends, "types": types})
        if known.deleted:
            return self._portal.revive(known, {"types": types})
        return self._portal.update(known, {"types": types})

    def add(self, origin: str, row_id: str, to: str, other: str, labels: list[Label]) -> Record:
        """Add labels to those a pair has."""
        present = next((seen for found, seen, _ in self.of(origin, row_id, to) if found == other), [])
        return self.put(origin, row_id, to, other, [*present, *labels])

    def drop(self, origin: str, row_id: str, to: str, other: str, labels: list[Label] | None = None) -> bool:
        """Take labels from a pair, or the whole association; return whether there was one."""
        for found, seen, row in self.of(origin, row_id, to):
            if found == other:
                left = [label for label in seen if labels is not None and label not in labels]
                if left:
                    self.put(origin, row_id, to, other, left)
                else:
                    self._portal.remove(row)
                return True
        return False

    def drop_all(self, row_id: str) -> None:
        """Take every association of a record away."""
        for row in self._touching(row_id):
            self._portal.remove(row)

    def move(self, old: str, new: str) -> None:
        """Hand a record's associations to another of its type; the first primary stays primary."""
        for row in self._touching(old):
            side = "a" if row.values["a"] == old else "b"
            other_side = "b" if side == "a" else "a"
            other, labels = row.values[other_side], _labels(row)
            self._portal.remove(row)
            if other == new:
                continue
            origin, to = row.values[f"{side}_type"], row.values[f"{other_side}_type"]
            seen = labels if side == "a" else [self._turned(label) for label in labels]
            if self.primary(origin, new, to) is not None:
                seen = [label for label in seen if label != (HUBSPOT_DEFINED, PRIMARY_TYPE.get((origin, to)))]
            self.add(origin, new, to, other, seen)

    def primary(self, origin: str, row_id: str, to: str) -> str | None:
        """Return the primary associate of a record."""
        wanted = (HUBSPOT_DEFINED, PRIMARY_TYPE.get((origin, to)))
        return next((other for other, labels, _ in self.of(origin, row_id, to) if wanted in labels), None)

    def set_primary_company(self, contact_id: str, company_id: str) -> None:
        """Do what writing ``associatedcompanyid`` does.

        Raises:
            Refusal: 400 when there is no such company.
        """
        company = self._portal.find(TYPES["companies"], company_id)
        if company is None:
            raise invalid(f"No company with ID {company_id} exists.")
        self.add("contacts", contact_id, "companies", company.id, [(HUBSPOT_DEFINED, 1)])

    def labels(self, origin: str, to: str) -> list[dict[str, Any]]:
        """Return the labels between two types, as the labels endpoint shows them."""
        plain = DEFAULT_TYPE.get((origin, to))
        ids = [number for number, ends in ENDS.items() if ends == (origin, to)]
        known = [
            {"category": HUBSPOT_DEFINED, "typeId": number, "label": None if number == plain else LABELS.get(number)}
            for number in ids
        ]
        own = [
            {"category": USER_DEFINED, "typeId": row.values["typeId"], "label": row.values["label"]}
            for row in self._portal.records.rows("association_label")
            if (row.values["from"], row.values["to"]) == (origin, to) and not row.deleted
        ]
        return [*known, *own]

    def label_text(self, label: Label) -> str | None:
        """Return what a label is called."""
        if label[0] == HUBSPOT_DEFINED:
            return LABELS.get(label[1])
        row = self._portal.records.get("association_label", f"label:{label[1]}")
        return None if row is None else str(row.values["label"])

    def define(self, origin: str, to: str, name: str, text: str, inverse: str | None) -> list[dict[str, Any]]:
        """Add a label of the account's own, with its inverse."""
        number = FIRST_OWN_LABEL + self._portal.records.count("association_label")
        pair = ((number, origin, to, text), (number + 1, to, origin, inverse or text))
        for own, start, end, label in pair:
            values = {"typeId": own, "from": start, "to": end, "label": label, "name": name}
            values["inverse"] = number + 1 if own == number else number
            self._portal.insert("association_label", f"label:{own}", values)
        return [{"category": USER_DEFINED, "typeId": own, "label": label} for own, _, _, label in pair]

    def _touching(self, row_id: str) -> list[Record]:
        find = self._portal.records.find
        return [*find("association", "a", row_id), *find("association", "b", row_id)]

    def _turned(self, label: Label) -> Label:
        category, number = label
        if category == HUBSPOT_DEFINED:
            return category, INVERSE.get(number, number)
        row = self._portal.records.get("association_label", f"label:{number}")
        return category, number if row is None else int(row.values["inverse"])

    def _checked(self, origin: str, to: str, labels: list[Label]) -> list[Label]:
        allowed = {(entry["category"], entry["typeId"]) for entry in self.labels(origin, to)}
        wrong = [label for label in labels if label not in allowed]
        if wrong:
            message = f"invalid association type ids {[number for _, number in wrong]} from {origin} to {to}"
            raise Refusal(400, message, "VALIDATION_ERROR")
        wanted = list(dict.fromkeys(labels))
        plain = DEFAULT_TYPE.get((origin, to))
        if (HUBSPOT_DEFINED, PRIMARY_TYPE.get((origin, to))) in wanted and plain is not None:
            wanted.append((HUBSPOT_DEFINED, plain))
        return list(dict.fromkeys(wanted))

    def _check_limits(self, origin: str, row_id: str, to: str, other: str, labels: list[Label]) -> None:
        """Refuse more associates under a label than an administrator allows.

        Raises:
            Refusal: 400.
        """
        for category, number in labels:
            row = self._portal.row("association_limit", f"limit:{origin}:{to}:{category}:{number}")
            if row is None:
                continue
            same = [far for far, seen, _ in self.of(origin, row_id, to) if (category, number) in seen and far != other]
            if len(same) >= row.values["most"]:
                message = f"The record has reached the limit of {row.values['most']} associations of type {number}"
                raise Refusal(400, message, "VALIDATION_ERROR", subCategory="crm.associations.LIMIT_EXCEEDED")

    def _unseat(self, origin: str, row_id: str, to: str, winner: str) -> None:
        """Take the primary label from every other associate of the record."""
        mark = (HUBSPOT_DEFINED, PRIMARY_TYPE[origin, to])
        for other, labels, row in self.of(origin, row_id, to):
            if mark in labels and other != winner:
                left = [label for label in labels if label != mark]
                turned = left if row.values["a"] == row_id else [self._turned(label) for label in left]
                self._portal.update(row, {"types": sorted(list(label) for label in turned)})


def _labels(row: Record) -> list[Label]:
    return [(category, number) for category, number in row.values["types"]]
