"""``forget``: erase a person everywhere, with a receipt; or let them be known again."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

import typer

from connector.bootstrap import House, open_house, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Verbose
from connector.cli.output import console, emit
from connector.cli.running import who as typist
from connector.errors import ConfigError, LocalFault, Refused
from connector.lake.erasure import Purged
from connector.logs import set_up_logs
from connector.pipeline.forgetting import Named, forget, forget_as_well, lift, named, purge
from connector.pipeline.people.census import census_of
from connector.pipeline.turn import engine_turn_if_free
from state import open_store
from state.backup import kept_aside

#: what of the receipt counts rows that held something
_HELD = ("identities", "persons", "outbox", "reviews", "stage_moves", "score_history")


def forget_person(
    somebody: Annotated[
        str, typer.Argument(metavar="WHO", help="e-mail address, CRM id, source id or system:object:id")
    ],
    several: Annotated[
        bool, typer.Option("--all", help="everybody of that name, where it is borne by several")
    ] = False,
    lifted: Annotated[bool, typer.Option("--lift", help="let them be known again, after new consent")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> int:
    """Erase a person from state, lake and outbox, and keep them out, until `--lift`; prints a receipt."""
    set_up_logs(verbose=verbose, quiet=not as_json)
    now = utc_now()
    with open_house(config) as house:
        whom = named(census_of(house.engine), somebody, as_of=now)
        if lifted:
            return _lift(house, whom, as_json=as_json)
        if len(whom.person_ids) > 1 and not several:
            raise Refused(
                "forget.several",
                f"{len(whom.person_ids)} persons bear that name: {', '.join(whom.person_ids)}",
                cure="name one of them by its id, or say --all",
            )
        receipt: dict[str, Any] = {"receipt": f"forget-{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}", "at": now}
        receipt["persons"] = len(whom.person_ids)
        state = forget(house.store, whom, install=house.engine.install, who=typist(), at=now)
        with engine_turn_if_free(house.store, house.engine.owner) as ours:
            purged = None if ours is None else _purge(house)
        receipt["state"] = state
        receipt["kept_states"] = _forget_in_kept(house, whom, at=now)
        receipt["lake"] = None if purged is None else {"rows": purged.rows, "files": purged.files}
        house.store.switches.audit(typist(), "forget", now, {"receipt": receipt["receipt"]})
    if as_json:
        emit(receipt)
    else:
        _tell(receipt)
    return 0


def _purge(house: House) -> Purged | None:
    engine = house.engine
    return purge(house.store, engine.lake_root, engine.traits(), install=engine.install, at=utc_now())


def _forget_in_kept(house: House, whom: Named, *, at: datetime) -> dict[str, Any]:
    """Erase them from former states that restores have kept; name those that cannot be read: they are to be deleted."""
    told: dict[str, Any] = {"files": 0, "persons": 0, "unreadable": []}
    for path in kept_aside(house.settings.state.get_secret_value()):
        try:
            with closing(open_store(f"sqlite:///{path}")) as former:
                told["persons"] += forget_as_well(former, whom, install=house.engine.install, who=typist(), at=at)
            told["files"] += 1
        except LocalFault:
            told["unreadable"].append(str(path))
    return told


def _lift(house: House, whom: Named, *, as_json: bool) -> int:
    count = lift(house.store, whom, install=house.engine.install, who=typist(), at=utc_now())
    if not count:
        cure = "name the address or id that was erased"
        raise ConfigError("forget.not_erased", "nobody of that name was erased", cure=cure)
    if as_json:
        emit({"lifted": count})
    else:
        console().print("they may be known again: what their systems hold of them comes with the next change there,")
        console().print("or at once when the source is read from its beginning")
    return 0


def _tell(receipt: dict[str, Any]) -> None:
    screen, state = console(), receipt["state"]
    rows = sum(state.get(name, 0) for name in _HELD)
    screen.print(f"receipt {receipt['receipt']}, {receipt['at']:%Y-%m-%d %H:%M:%S} UTC")
    screen.print(f"{receipt['persons']} person{'' if receipt['persons'] == 1 else 's'}, {rows} rows of the state")
    if receipt["lake"] is None:
        screen.print("the daemon at work takes them out of the lake with its next look")
    else:
        screen.print(f"{receipt['lake']['rows']} rows of the lake, {receipt['lake']['files']} files written anew")
    former = receipt["kept_states"]
    if former["files"]:
        screen.print(
            f"{former['files']} former states kept by `handoff restore`: {former['persons']} persons erased there"
        )
    for path in former["unreadable"]:
        screen.print(f"{path} cannot be read, and may tell of them: delete it")
    screen.print(f"{state['tombstones']} names are kept as hashes: whoever comes back under one of them is left out")
    screen.print("what CRM and marketing tool hold is theirs: erase the person there too")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("forget")(forget_person)
