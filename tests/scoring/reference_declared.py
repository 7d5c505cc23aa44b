"""Declared answers once more, slowly: what people said of themselves wins, weighs more, and differences are named."""

from __future__ import annotations

from reference_conditions import exact, folded, number, tests, unknown

PREFIX = "declared."


def with_declared(facts):
    """The facts with what was declared in place of what was found out, and the names of those that differ."""
    merged, differs = dict(facts), []
    for name in sorted(name for name in facts if name.startswith(PREFIX)):
        fact, said = name.removeprefix(PREFIX), facts[name]
        if unknown(said):
            continue
        found = facts.get(fact)
        if not unknown(found) and not same(said, found):
            differs.append(fact)
        merged[fact] = said
    return merged, ", ".join(differs) or None


def same(said, found):
    if number(said) is not None and number(found) is not None:
        return number(said) == number(found)
    return folded(str(said)).strip() == folded(str(found)).strip()


def points_of(rule, facts, weight):
    """A rule's points, multiplied where the person declared every fact it names; not yet rounded."""
    named = {field for field, _, _ in tests(rule["when"])}
    declared = all(not unknown(facts.get(PREFIX + field)) for field in named)
    return exact(rule.get("points", 0)) * (exact(weight) if declared else 1)
