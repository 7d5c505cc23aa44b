"""Keys of what we create: the same decision has the same key after retry, restart, restore and merge.

Nothing in a key comes from a score, a text or a clock.
"""

from __future__ import annotations

from connector.domain.refs import digest


def creation_key(install: str, kind: str, rule: str, subject: str, episode: str) -> str:
    """Hash what makes a created thing itself into 32 hexadecimal characters.

    Args:
        install: the word in handoff.yaml.
        kind: ``task``, ``lead`` or ``contact``.
        rule: id of the rule that asked for it.
        subject: the person's stored subject (``system:object:id`` of the oldest source reference).
        episode: ``event:SYSTEM:KIND:ID`` of the opening event, or ``stage:N`` with the number of the stage entry.
    """
    return digest(install, kind, rule, subject, episode)


def event_episode(system: str, kind: str, id_: str) -> str:
    """Name the episode that one event opens."""
    return f"event:{system}:{kind}:{id_}"


def stage_episode(entry: int) -> str:
    """Name the episode that an entry into a stage opens."""
    return f"stage:{entry}"
