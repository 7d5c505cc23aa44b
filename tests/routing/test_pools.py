"""Work is shared by weight, within capacity, never with somebody who is gone, and somebody always gets it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.routing import Pool
from connector.routing.pools import Desk, User, load_rotations


def _pool(members: list[dict[str, Any]], **fallback: str) -> Pool:
    return Pool.model_validate({"members": members, "fallback": fallback or {"queue": "Unassigned"}})


def _desk(pools: dict[str, Pool], *, inactive: frozenset[str] = frozenset(), **changes: Any) -> Desk:
    names = {member.user for pool in pools.values() for member in pool.members}
    names |= {pool.fallback.user for pool in pools.values() if pool.fallback.user}
    users = {name: User(f"005{name}", name, active=name not in inactive) for name in sorted(names)}
    return Desk(pools=pools, users=users, queues={"Unassigned": "00Gqueue"}, **changes)


weights = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 7), min_size=1).filter(lambda w: any(w.values()))


@given(weights, st.integers(1, 3))
def test_each_round_is_fair_to_the_last_task(by_name: dict[str, int], rounds: int) -> None:
    desk = _desk({"sdr": _pool([{"user": name, "weight": weight} for name, weight in by_name.items()])})
    total = sum(by_name.values())
    taken = [desk.take("sdr").name for _ in range(total * rounds)]
    for start in range(0, len(taken), total):
        shares = Counter(taken[start : start + total])
        assert shares == {name: weight for name, weight in by_name.items() if weight}


@given(weights, st.integers(1, 40))
def test_nobody_is_ever_more_than_one_task_from_their_share(by_name: dict[str, int], count: int) -> None:
    desk = _desk({"sdr": _pool([{"user": name, "weight": weight} for name, weight in by_name.items()])})
    shares = Counter(desk.take("sdr").name for _ in range(count))
    total = sum(by_name.values())
    for name, weight in by_name.items():
        assert abs(shares[name] - count * weight / total) < len(by_name)


@given(weights, st.integers(0, 12), st.integers(1, 12))
def test_the_rotation_survives_being_stored(by_name: dict[str, int], before: int, after: int) -> None:
    pools = {"sdr": _pool([{"user": name, "weight": weight} for name, weight in by_name.items()])}
    through, stopped = _desk(pools), _desk(pools)
    for _ in range(before):
        assert through.take("sdr").id == stopped.take("sdr").id
    resumed = _desk(pools, credit=load_rotations(stopped.rotations()), open_tasks=dict(stopped.open_tasks))
    assert [through.take("sdr").id for _ in range(after)] == [resumed.take("sdr").id for _ in range(after)]
    assert through.rotations() == resumed.rotations()


@settings(max_examples=60)
@given(
    weights,
    st.sets(st.sampled_from("abcdef")),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 4)),
    st.integers(1, 3),
    st.integers(1, 25),
)
def test_the_inactive_and_the_full_get_nothing(
    by_name: dict[str, int], inactive: set[str], load: dict[str, int], cap: int, count: int
) -> None:
    members = [{"user": name, "weight": weight, "cap": cap} for name, weight in by_name.items()]
    start = {f"005{name}": tasks for name, tasks in load.items()}
    desk = _desk({"sdr": _pool(members)}, inactive=frozenset(inactive), open_tasks=dict(start))
    got = Counter(desk.take("sdr").id for _ in range(count))
    for name, weight in by_name.items():
        room = max(0, cap - load.get(name, 0)) if weight and name not in inactive else 0
        assert got[f"005{name}"] <= room
    room = sum(max(0, cap - load.get(n, 0)) for n, w in by_name.items() if w and n not in inactive)
    assert got["00Gqueue"] == max(0, count - room)


def test_the_same_requests_give_the_same_owners() -> None:
    pools = {"sdr": _pool([{"user": "a", "weight": 2}, {"user": "b"}])}
    assert [_desk(pools).take("sdr") for _ in range(3)] == [_desk(pools).take("sdr")] * 3


def test_who_owns_the_record_keeps_it_while_there_is_room() -> None:
    desk = _desk({"sdr": _pool([{"user": "a", "cap": 1}, {"user": "b"}])})
    assert desk.take("sdr", prefer="005a").name == "a"
    assert desk.rotations() == {}
    assert desk.take("sdr", prefer="005a").name == "b"
    assert desk.take("sdr", prefer="005stranger").name == "b"


def test_falling_back_through_pools_ends() -> None:
    pools = {
        "one": _pool([{"user": "a"}], pool="two"),
        "two": _pool([{"user": "b"}], pool="three"),
        "three": _pool([{"user": "c"}], queue="Unassigned"),
    }
    assert _desk(pools).take("one").name == "a"
    assert _desk(pools, inactive=frozenset("a")).take("one").name == "b"
    last = _desk(pools, inactive=frozenset("abc")).take("one")
    assert (last.kind, last.id, "three" in last.reason) == ("queue", "00Gqueue", True)


@pytest.mark.parametrize("loop", [{"a": "a"}, {"a": "b", "b": "a"}])
def test_a_ring_of_pools_ends_without_an_owner(loop: dict[str, str]) -> None:
    pools = {name: _pool([{"user": f"u{name}"}], pool=target) for name, target in loop.items()}
    desk = _desk(pools, inactive=frozenset({"ua", "ub"}))
    assert desk.take("a").id == ""


def test_a_fallback_user_must_work_here() -> None:
    pools = {"sdr": _pool([{"user": "a"}], user="boss")}
    owner = _desk(pools, inactive=frozenset("a")).take("sdr")
    assert (owner.name, owner.kind) == ("boss", "user")
    assert _desk(pools, inactive=frozenset({"a", "boss"})).take("sdr").id == ""


def test_user_names_are_compared_without_case() -> None:
    pools = {"sdr": _pool([{"user": "Rep1@Corp.example"}])}
    users = {"rep1@corp.example": User("005a", "rep1@corp.example", active=True)}
    desk = Desk(pools=pools, users=users, queues={})
    assert desk.take("sdr").id == "005a"
    assert [user.id for user in desk.members("sdr")] == ["005a"]


def test_who_is_active() -> None:
    desk = _desk({"sdr": _pool([{"user": "a"}, {"user": "b"}])}, inactive=frozenset("b"))
    assert desk.active("005a")
    assert not any(desk.active(id_) for id_ in ("005b", "00Gqueue", "", None))
