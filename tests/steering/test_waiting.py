"""The decision why a job is not running, as a table: facts and the reason they give."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from drena.waiting import EVERY_TENANT, Facts, JobFacts, NodeFacts, Pause, RunningJob, decide
from drena.waiting.sentences import TAILS, WORDS, in_words

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TENANT, JOB, NODE = UUID(int=1), UUID(int=2), UUID(int=3)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def job(**more: Any) -> JobFacts:
    values: dict[str, Any] = {
        "id": JOB,
        "tenant_id": TENANT,
        "tenant": "contmax",
        "provider": "acessorias",
        "lane": "",
        "status": "pending",
        "attempts": 0,
        "max_attempts": 3,
        "run_at": ago(1),
        "created_at": ago(60),
    }
    return JobFacts(**{**values, **more})


def node(number: int = 3, **more: Any) -> NodeFacts:
    return NodeFacts(**{"id": UUID(int=number), "name": f"n{number}", "providers": ["acessorias"], **more})


def pause(tenant: UUID = TENANT, provider: str = "acessorias", **more: Any) -> Pause:
    return Pause(tenant_id=tenant, provider_slug=provider, created_at=ago(120), **more)


def facts(**more: Any) -> Facts:
    return Facts(**{"now": NOW, "job": job(), "nodes": [node()], **more})


def running(*ids: int) -> list[RunningJob]:
    return [RunningJob(id=UUID(int=i), provider="acessorias", lane=str(i)) for i in ids]


LATER = job(run_at=ago(-200), attempts=1, error_message="O servidor respondeu 503.", error_code="http_503")

CASES = {
    "it succeeded": (facts(job=job(status="success", finished_at=ago(5))), "ended", "It succeeded 5 s ago."),
    "it failed": (
        facts(job=job(status="error", finished_at=ago(5), error_message="Token recusado.")),
        "ended",
        "It failed 5 s ago: Token recusado.",
    ),
    "it was cancelled": (facts(job=job(status="canceled", finished_at=ago(5))), "ended", "It was cancelled 5 s ago."),
    "it runs": (
        facts(job=job(status="running", node_id=NODE, started_at=ago(90), attempts=2)),
        "running",
        "Running on node n3 for 1 min 30 s, attempt 2 of 3.",
    ),
    "an old function runs it": (facts(job=job(status="running", started_at=ago(90))), "running", "outside of Drena"),
    "its node lost the lease": (
        facts(job=job(status="running", node_id=UUID(int=9), started_at=ago(9))),
        "node_lost",
        "takes it back",
    ),
    "its node lost the lease and there is no other": (
        facts(job=job(status="running", node_id=UUID(int=9), started_at=ago(9)), nodes=[]),
        "node_lost",
        "there is no other",
    ),
    "it is being cancelled": (
        facts(job=job(status="running", node_id=NODE, cancel_requested_at=ago(1))),
        "canceling",
        "asked for 1 s ago",
    ),
    "everything is paused": (
        facts(pauses=[pause(), pause(EVERY_TENANT, "*", reason="Migração")]),
        "paused",
        "Paused: the whole queue, for 2 min. Reason: Migração",
    ),
    "the provider is paused": (facts(pauses=[pause(EVERY_TENANT)]), "paused", "acessorias is paused for every tenant"),
    "the tenant is paused": (facts(pauses=[pause(provider="*")]), "paused", "every integration of contmax"),
    "the integration is paused": (facts(pauses=[pause()]), "paused", "Paused: acessorias of contmax, for 2 min."),
    "paused goes before backing off": (facts(job=LATER, pauses=[pause()]), "paused", "for 2 min"),
    "the integration is disabled": (facts(enabled=False), "integration_disabled", "is disabled"),
    "there is no such integration": (facts(enabled=None), "integration_not_found", "has no integration"),
    "no node is alive": (facts(nodes=[]), "no_node", "No node of Drena is alive"),
    "no node goes before backing off": (facts(job=LATER, nodes=[]), "no_node", "drena run"),
    "no node has the provider": (
        facts(nodes=[node(3, providers=["bomcontrole"]), node(4, providers=[])]),
        "provider_unavailable",
        "No live node (n3, n4) has the provider acessorias: install it on one of them; else the job fails in 14 min",
    ),
    "it backs off": (
        facts(job=LATER),
        "backing_off",
        "attempt 2 of 3 starts in 3 min 20 s. Last failure: O servidor respondeu 503.",
    ),
    "it backs off for ever": (facts(job=job(run_at=None, attempts=1)), "backing_off", "without an end"),
    "its time has not come": (facts(job=job(run_at=ago(-60))), "scheduled", "It is to start in 1 min."),
    "the tenant is at its cap": (
        facts(nodes=[node(tenant_max_jobs=2)], tenant_running=running(7, 8)),
        "tenant_cap",
        "contmax already runs 2 of 2 jobs",
    ),
    "the provider is at its cap on every node": (
        facts(nodes=[node(3, running_of_provider=4, provider_max_jobs=4), node(4, running=9, max_jobs=9)]),
        "provider_cap",
        "(4 of 13)",
    ),
    "every node is full": (
        facts(nodes=[node(3, running=5, max_jobs=5), node(4, running=9, max_jobs=9)]),
        "node_full",
        "(14 of 14 jobs running)",
    ),
    "one node with room is enough": (
        facts(nodes=[node(3, running=5, max_jobs=5), node(4, running=8, max_jobs=9)]),
        "about_to_run",
        "about to start",
    ),
    "a node without the provider gives no room": (
        facts(nodes=[node(3, running=5, max_jobs=5), node(4, providers=[])]),
        "node_full",
        "(5 of 5",
    ),
    "others of the tenant come first": (facts(ahead=3), "queued_behind", "it is number 4 of contmax"),
    "those that come first leave room": (facts(nodes=[node(tenant_max_jobs=4)], ahead=3), "about_to_run", ""),
    "those that come first take the room": (
        facts(nodes=[node(tenant_max_jobs=4)], ahead=3, tenant_running=running(7)),
        "queued_behind",
        "number 4",
    ),
    "a node that does not tell its limits hinders nobody": (
        facts(nodes=[node(running=1000)], tenant_running=running(7, 8)),
        "about_to_run",
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_facts_give_the_one_true_reason(case: str) -> None:
    given, code, words = CASES[case]
    reason = decide(given)
    assert reason.code == code
    assert words in reason.text.en
    assert reason.text.pt
    assert reason.text.pt != reason.text.en
    assert msgspec.json.decode(msgspec.json.encode(reason))["job_id"] == str(JOB)


def test_every_sentence_is_reached_by_a_case() -> None:
    reached = set()
    for given, _, _ in CASES.values():
        text = decide(given).text
        reached |= {
            name for name, words in WORDS.items() if re.match(re.sub(r"\\{\w+\\}", ".+", re.escape(words.pt)), text.pt)
        }
    assert reached == set(WORDS)


def test_what_ends_by_itself_says_when() -> None:
    assert decide(CASES["it backs off"][0]).until == ago(-200)
    assert decide(CASES["its time has not come"][0]).until == ago(-60)
    assert decide(CASES["no node has the provider"][0]).until == ago(1) + timedelta(seconds=900)
    assert decide(CASES["everything is paused"][0]).until is None


def test_details_name_who_and_what() -> None:
    paused = decide(facts(pauses=[pause(reason="Fatura", created_by=UUID(int=5))])).details
    assert (paused["scope"], paused["reason"], paused["by"]) == ("integration", "Fatura", UUID(int=5))
    capped = decide(CASES["the tenant is at its cap"][0]).details
    assert [j["id"] for j in capped["jobs"]] == [str(UUID(int=7)), str(UUID(int=8))]
    assert decide(CASES["it backs off"][0]).details["error_code"] == "http_503"


def test_braces_in_an_outside_systems_words_are_only_words() -> None:
    failed = decide(facts(job=job(run_at=ago(-60), attempts=1, error_message="{tenant} {0}")))
    assert failed.text.en.endswith("Last failure: {tenant} {0}")


@pytest.mark.parametrize(
    "seconds, words",
    [(0, "0 s"), (-3, "0 s"), (59, "59 s"), (60, "1 min"), (3599.6, "1 h"), (3661, "1 h 1 min"), (200000, "2 d 7 h")],
)
def test_a_duration_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_tail_belongs_to_a_reason() -> None:
    assert TAILS.keys() <= {name.partition(".")[0] for name in WORDS}
