"""``quarantine``: what machines did in people's names; list and show it, release it, restore it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.console import Console

from connector.bootstrap import lake_folder, open_state, read_settings_of_state, utc_now
from connector.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, instant
from connector.cli.output import console, emit
from connector.cli.running import who
from connector.domain.refs import normal_email
from connector.errors import ConfigError
from connector.lake.reading import Lake
from connector.mapping.load import load_mappings
from connector.mapping.settings import Settings
from connector.ports.quarantine import QuarantineState, Scope, Word
from connector.ports.store import Store
from connector.quarantine.evidence import document_of, name_of_event
from connector.quarantine.shares import Share, shares_of

#: how many events the list shows unless asked for more
_SHOWN = 50

quarantine = typer.Typer(
    help="Clicks, opens and page views of machines, which count for nothing: list, show, release, restore.",
    no_args_is_help=True,
)

Events = Annotated[list[str] | None, typer.Argument(metavar="[EVENT]...", help="ids from `quarantine list`")]
Person = Annotated[str | None, typer.Option("--person", metavar="WHO", help="everything of this person")]
Campaign = Annotated[str | None, typer.Option("--campaign", metavar="ID", help="everything of this campaign")]


@quarantine.command("list")
def list_quarantined(
    campaign: Annotated[str | None, typer.Option("--campaign", metavar="ID", help="of one campaign only")] = None,
    state: Annotated[Literal["held", "released", "all"], typer.Option("--state", help="which events")] = "held",
    by_campaign: Annotated[bool, typer.Option("--by-campaign", help="how many of each campaign's events")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="at most so many, latest first")] = _SHOWN,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """List what counts for nothing, latest first, with what speaks against it; or the share of each campaign."""
    settings = read_settings_of_state(config)
    states: list[QuarantineState] = ["held", "released"] if state == "all" else [state]
    with open_state(settings) as store:
        if by_campaign:
            return _tell_shares(_shares(settings, store, campaign), as_json=as_json)
        found, total = store.quarantine.listed(states, campaign=campaign, limit=limit)
        documents = _documents(settings, store, found.to_pylist())
    if as_json:
        emit({"events": documents, "total": total})
        return 0
    screen = console()
    if not total:
        screen.print("nothing is in quarantine" if state == "held" else "nothing is listed")
    for document in documents:
        _tell(screen, document)
    if total > limit:
        screen.print(f"and {total - limit:,} more: --limit {total}, or --by-campaign")
    return 0


@quarantine.command("show")
def show_quarantined(
    what: Annotated[str, typer.Argument(metavar="EVENT|WHO", help="an event's id, or somebody's address or id")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """Show one event, or everything of one person, in whatever state it is."""
    settings = read_settings_of_state(config)
    with open_state(settings) as store:
        rows = store.quarantine.find(what.rsplit(":", 1)[-1]).to_pylist()
        rows = [row for row in rows if what in (row["id"], name_of_event(row))]
        if not rows:
            rows = store.quarantine.rows_of(_references(store, what)).to_pylist()
        documents = _documents(settings, store, rows)
    if not documents:
        raise _unknown(what)
    if as_json:
        emit({"events": documents, "total": len(documents)})
    else:
        for document in documents:
            _tell(console(), document)
    return 0


@quarantine.command("release")
def release(
    events: Events = None,
    person: Person = None,
    campaign: Campaign = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """Let events count again, and whatever else of that person or campaign may come; the next cycle scores them."""
    return _say("release", events, person, campaign, config, as_json=as_json)


@quarantine.command("restore")
def restore(
    events: Events = None,
    person: Person = None,
    campaign: Campaign = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> int:
    """Take a release back: what speaks against the events counts again, from the next cycle on."""
    return _say("restore", events, person, campaign, config, as_json=as_json)


def _say(
    word: Word, events: list[str] | None, person: str | None, campaign: str | None, config: Any, *, as_json: bool
) -> int:
    if [bool(events), person is not None, campaign is not None].count(True) != 1:
        raise ConfigError(
            "quarantine.which",
            "say of what: ids of events, or one of --person and --campaign",
            cure="`handoff quarantine list` gives the ids",
        )
    now, me = utc_now(), who()
    with open_state(read_settings_of_state(config)) as store:
        scope, names, concerned = _meant(store, events or [], person, campaign)
        store.quarantine.answer(word, scope, names, who=me, at=now)
    if as_json:
        emit({"answer": word, "scope": scope, "names": names, "events": concerned, "by": me, "at": now})
    else:
        many = f"{concerned:,} event{'' if concerned == 1 else 's'}"
        counts = "count again" if word == "release" else "count for nothing again where signs speak against them"
        console().print(f"{word}d: {many} {counts} from the next cycle on")
    return 0


def _meant(store: Store, events: list[str], person: str | None, campaign: str | None) -> tuple[Scope, list[str], int]:
    """Say in the words of the state what is meant, and how many listed events that concerns.

    Raises:
        ConfigError: nothing of it is listed.
    """
    if person is not None:
        names = _references(store, person)
        found = store.quarantine.rows_of(names)
        if not found.num_rows:
            raise _unknown(person)
        return "person", names, _countable(found.to_pylist())
    if campaign is not None:
        shares = [one for one in store.quarantine.by_campaign() if campaign in (one.campaign, _campaign_name(one))]
        if not shares:
            raise _unknown(campaign)
        return "campaign", [_campaign_name(one) for one in shares], sum(one.held + one.released for one in shares)
    rows: list[dict[str, Any]] = []
    for event in events:
        same = store.quarantine.find(event.split(":", 2)[-1]).to_pylist()
        mine = [row for row in same if event in (row["id"], name_of_event(row))]
        if not mine:
            raise _unknown(event)
        rows += mine
    return "event", [name_of_event(row) for row in rows], _countable(rows)


def _countable(rows: list[dict[str, Any]]) -> int:
    return sum(row["state"] != "cleared" for row in rows)


def _campaign_name(share: Any) -> str:
    return f"{share.system}:{share.campaign}"


def _unknown(what: str) -> ConfigError:
    about = "that person" if "@" in what else what
    return ConfigError(
        "quarantine.unknown",
        f"nothing of {about} is or was in quarantine",
        cure="`handoff quarantine list --state all` gives ids, people and campaigns",
    )


def _references(store: Store, who_: str) -> list[str]:
    """Give every reference of somebody named by address, id, reference or our own id."""
    id_ = normal_email(who_) or who_
    named = set(store.quarantine.references_of(id_)) | set(store.quarantine.references_of(who_))
    if who_.count(":") > 1:
        named.add(who_)
    identities = store.knowledge.identities()
    names = pc.binary_join_element_wise(*(identities.column(name) for name in ("system", "object", "id")), ":")
    ids, persons = identities.column("id"), identities.column("person_id")
    meant = pc.or_(pc.is_in(names, value_set=pa.array(sorted(named), pa.string())), pc.equal(persons, who_))
    meant = pc.or_(meant, pc.or_(pc.equal(ids, id_), pc.equal(ids, who_)))
    theirs = pc.is_in(persons, value_set=pc.unique(persons.filter(meant)))
    return sorted(named.union(names.filter(theirs).to_pylist()))


def _documents(settings: Settings, store: Store, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers, bots = store.quarantine.answers(), load_mappings(settings.mappings).scoring.bots
    return [document_of(row, answers, bots) for row in rows]


def _shares(settings: Settings, store: Store, campaign: str | None) -> list[Share]:
    systems = list(dict.fromkeys([*(system.name for system in settings.sources), settings.crm.name]))
    lake = Lake(lake_folder(settings.lake), store.manifest)
    as_of = instant(store.switches.setting("last_as_of")) or utc_now()
    shares = shares_of(store.quarantine, lake, systems, as_of=as_of)
    return [one for one in shares if campaign is None or one.campaign == campaign]


def _tell_shares(shares: list[Share], *, as_json: bool) -> int:
    if as_json:
        emit({"campaigns": [one.document() for one in shares]})
        return 0
    screen = console()
    if not shares:
        screen.print("nothing is in quarantine")
    for one in shares:
        back = f", {one.released:,} released" if one.released else ""
        name = f"{one.system} {one.campaign or 'without a campaign'}"
        screen.print(f"{name}: {one.held:,} of {one.events:,} opens, clicks and views ({one.share:.1%}) held{back}")
    return 0


def _tell(screen: Console, document: dict[str, Any]) -> None:
    campaign = f", campaign {document['campaign']}" if document["campaign"] else ""
    screen.print(f"{document['event']}  {document['state']} since {document['since']:%Y-%m-%d %H:%M}", style="bold")
    screen.print(f"  {document['occurred_at']:%Y-%m-%d %H:%M:%S} {document['type']} by {document['person']}{campaign}")
    screen.print(f"  {document['evidence']['words']}")
    answer = document["answer"]
    if answer is not None:
        wait = "" if answer["taken_up"] else "; the next cycle takes it up"
        about = "" if answer["spoke_of"] == "event" else f", with everything of the {answer['spoke_of']}"
        screen.print(f"  {answer['answer']}{about}, by {answer['by']} on {answer['at']:%Y-%m-%d %H:%M} UTC{wait}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(quarantine, name="quarantine")
