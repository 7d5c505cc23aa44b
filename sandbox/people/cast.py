"""The people who work at the sample company, its queue, forms and marketing lists: what stands even in an empty org."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.people.world import Form, Queue, User, UserRole, World

HISTORY = timedelta(days=730)
INTEGRATION_USER = "u_handoff"
QUEUE_UNASSIGNED = "q_unassigned"
ACTIVE_REPS = ("u_rep1", "u_rep2", "u_rep3")
FORMER_REPS = ("u_ex1", "u_ex2")
LISTS = ("tradeshow-follow-up", "newsletter-subscribers", "imported-2024")
NAME_FIELDS = ("email", "firstname", "lastname")
CONTACT_FIELDS = (*NAME_FIELDS, "company", "jobtitle", "phone", "country", "message")
QUEUES: tuple[Queue, ...] = (Queue(QUEUE_UNASSIGNED, "Unassigned"),)
FORMS: tuple[Form, ...] = (
    Form("contact-us", "Contact us", "/contact", CONTACT_FIELDS),
    Form("demo-request", "Request a demo", "/demo", (*CONTACT_FIELDS, "numemployees", "budget_range")),
    Form("newsletter", "Newsletter", "/blog", ("email",)),
    Form("whitepaper-download", "Whitepaper download", "/resources", (*NAME_FIELDS, "company", "jobtitle", "asset")),
    Form("webinar-registration", "Webinar registration", "/webinars", (*NAME_FIELDS, "company", "webinar")),
)


def users(at: datetime) -> tuple[User, ...]:
    """Return everyone with a seat at ``at``: the integration user, reps, ops, a manager and reps who left."""
    start = at - HISTORY

    def seat(key: str, email: str, first: str, last: str, role: UserRole, *, manager: str | None = None) -> User:
        return User(key, f"{email}@corp.example", first, last, role, True, start, None, manager)

    def left(key: str, email: str, first: str, last: str, *, days_ago: int) -> User:
        gone = at - timedelta(days=days_ago)
        return User(key, f"{email}@corp.example", first, last, "ex_rep", False, start, gone, "u_manager")

    return (
        seat(INTEGRATION_USER, "handoff", "Handoff", "Integration", "integration"),
        seat("u_manager", "manager", "Marta", "Keller", "manager"),
        seat("u_rep1", "rep1", "Rosa", "Ito", "rep", manager="u_manager"),
        seat("u_rep2", "rep2", "Ben", "Adeyemi", "rep", manager="u_manager"),
        seat("u_rep3", "rep3", "Jana", "Köster", "rep", manager="u_manager"),
        seat("u_ops", "ops", "Olu", "Ferrari", "ops", manager="u_manager"),
        left("u_ex1", "exrep1", "Gus", "Lindqvist", days_ago=200),
        left("u_ex2", "exrep2", "Pia", "Novák", days_ago=45),
    )


def empty_world(seed: int, at: datetime) -> World:
    """Return the company without any customer: users, queue, forms and list names."""
    return World(seed, at, users(at), QUEUES, FORMS, lists=dict.fromkeys(LISTS, ()))
