"""The stage of an asset as a fact of what people did: tests of ``asset_stage`` become tests of ``asset``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.mapping.conditions import AllOf, AnyOf, Condition, Not, Test
from connector.mapping.scoring import BuyingStage

FACT = "asset_stage"


def with_asset_stages(condition: Condition, assets: Mapping[BuyingStage, Sequence[str]]) -> Condition:
    """Write a condition without ``asset_stage``: unknown for an asset in no list, as for an activity without one."""
    match condition:
        case AllOf(parts):
            return AllOf(tuple(with_asset_stages(part, assets) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(with_asset_stages(part, assets) for part in parts))
        case Not(part):
            return Not(with_asset_stages(part, assets))
        case Test(field, operator, operand) if field == FACT:
            listed = AllOf(
                (Test("asset", "known", True), _among(sorted({a for names in assets.values() for a in names})))
            )
            if operator == "known":
                return listed if operand else Not(listed)
            stages = operand if isinstance(operand, tuple) else (operand,)
            folded = {str(stage).casefold() for stage in stages}
            here = _among([name for stage, names in assets.items() if stage in folded for name in names])
            # a column that no activity carries is unknown everywhere: so is the stage of an asset in no list
            answer = AnyOf((here, AllOf((Not(listed), Test(FACT, "is", "listed")))))
            return Not(answer) if operator in ("is_not", "not_in") else answer
    return condition


def _among(names: Sequence[str]) -> Condition:
    return Test("asset", "in", tuple(names)) if names else AnyOf(())
