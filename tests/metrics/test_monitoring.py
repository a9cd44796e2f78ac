"""The dashboard's and the alerts' queries return data, from a real node through a real Prometheus; each alert fires
when it should and keeps still when it should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import trio

from drena.api import GiveUp, RetryLater
from drena.metrics import Metrics, Reading
from engine.node import Script, open_node
from metrics.test_metrics import families, scrape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONTRIB = Path(__file__).parents[2] / "contrib"
MONITORING = CONTRIB / "monitoring"
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
ALERT = re.compile(
    r"- alert: (\w+)\n\s+expr: '(.+)'\n\s+for: (\w+)\n\s+labels:\n\s+severity: (\w+)\n\s+annotations:\n"
    r"\s+summary: \"(.+)\"\n\s+description: \"(.+)\"\n\s+runbook: (\S+)\n"
)
ALERTS = {found[0]: found for found in ALERT.findall((MONITORING / "alerts.yml").read_text(encoding="utf-8"))}
SERIES_OF_PROMETHEUS = {"up": {"job", "instance"}}
ADDED = {"instance", "job", "le"}
NAME = re.compile(r"\b((?:drena|process|python)_[a-z_]+|up)\b(?:\{([^}]*)\})?")

# When an alert fires: its series for the length of the test, a value a minute; and when it keeps still.
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "DrenaDown": ({'up{job="drena",instance="a"}': "0x30"}, {'up{job="drena",instance="a"}': "1x30"}),
    "DrenaNotReady": (
        {'drena_ready{instance="a",check="feed"}': "0x30", 'drena_ready{instance="a",check="lease"}': "1x30"},
        {'drena_ready{instance="a",check="feed"}': "1x30"},
    ),
    "DrenaDatabaseDown": ({'drena_database_up{instance="a"}': "0x30"}, {'drena_database_up{instance="a"}': "1x30"}),
    "DrenaLeaseLost": ({'drena_lease_held{instance="a"}': "0x30"}, {'drena_lease_held{instance="a"}': "1x30"}),
    "DrenaQueueStuck": (
        {'drena_queue_oldest_due_age_seconds{provider="p",instance="a"}': "0+60x240"},
        {'drena_queue_oldest_due_age_seconds{provider="p",instance="a"}': "0 60 120 0 60 120 0x240"},
    ),
    "DrenaIntegrationFailing": (
        {
            'drena_integrations{provider="p",status="error",instance="a"}': "30x240",
            'drena_integrations{provider="p",status="error",instance="b"}': "30x240",
            'drena_integrations{provider="p",status="success",instance="a"}': "70x240",
            'drena_integrations{provider="p",status="success",instance="b"}': "70x240",
        },
        {
            'drena_integrations{provider="p",status="error",instance="a"}': "5x240",
            'drena_integrations{provider="p",status="success",instance="a"}': "95x240",
        },
    ),
    "DrenaJobsRescued": (
        {'drena_jobs_rescued_total{code="lease_lost",instance="a"}': "0+1x240"},
        {'drena_jobs_rescued_total{code="lease_lost",instance="a"}': "0 3 3x240"},
    ),
    "DrenaWritesRefused": (
        {'drena_refused_writes_total{kind="verdict",instance="a"}': "0+1x240"},
        {'drena_refused_writes_total{kind="verdict",instance="a"}': "0 3 3x240"},
    ),
    "DrenaEventLoopBlocked": (
        {'drena_event_loop_blocks_total{provider="p",instance="a"}': "0+1x240"},
        {'drena_event_loop_blocks_total{provider="p",instance="a"}': "0 1 1x240"},
    ),
    "DrenaPoolExhausted": (
        {'drena_database_waiting_tasks{instance="a"}': "3x240"},
        {'drena_database_waiting_tasks{instance="a"}': "3 0 3 0 3 0 0x240"},
    ),
    "DrenaSchedulesLate": (
        {'drena_schedules_late{instance="a"}': "2x240"},
        {'drena_schedules_late{instance="a"}': "0x240"},
    ),
    "DrenaFeedSilent": (
        {'drena_feed_silence_seconds{instance="a"}': "0+60x240"},
        {'drena_feed_silence_seconds{instance="a"}': "0 20 0 0x240"},
    ),
    "DrenaFeedSlowClients": (
        {'drena_feed_slow_closed_total{instance="a"}': "0+5x240"},
        {'drena_feed_slow_closed_total{instance="a"}': "0 3 3x240"},
    ),
    "DrenaProviderSlowed": (
        {'drena_pace_slowed_credentials{provider="p",instance="a"}': "1x240"},
        {'drena_pace_slowed_credentials{provider="p",instance="a"}': "1x60 0x180"},
    ),
}  # fmt: skip
UNTIL = "4h"
QUIET_UNTIL = "25m"


def panels() -> list[tuple[str, str]]:
    board = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    return [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", [])]


def asked(expr: str) -> str:
    """A panel's query as Grafana sends it, over the short time a test has."""
    return expr.replace("$__rate_interval", "30s").replace("$provider", ".*").replace("$instance", ".*")


def healthy(expr: str) -> str:
    """An alert's query without its threshold, so that it returns data when all is well."""
    found = re.fullmatch(r"(.+) (?:==|>) [\d.]+", expr)
    assert found is not None, expr
    return found[1]


def test_the_files_name_only_metrics_and_labels_there_are():
    known = {family.name: set(family.labels) for family in Metrics().families} | SERIES_OF_PROMETHEUS
    for where, expr in [*panels(), *((name, found[1]) for name, found in ALERTS.items())]:
        for name, matchers in NAME.findall(expr):
            if name.startswith(("process_", "python_")):
                continue
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert base in known, (where, name)
            labels = set(re.findall(r"(\w+)\s*=~?\"", matchers))
            assert labels <= known[base] | ADDED, (where, name, labels)


def test_every_metric_is_on_the_dashboard_or_in_an_alert_or_has_a_reason_not_to_be():
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for _where, expr in panels() for name, _ in NAME.findall(expr)}
    shown |= {name for found in ALERTS.values() for name, _ in NAME.findall(found[1])}
    left_out = {family.name for family in Metrics().families} - shown
    assert left_out == {
        "drena_build_info",  # the source of a variable
        "drena_jobs_claimed_total",  # attempts say it
        "drena_feed_tenants",
        "drena_database_connections_opened_total",
        "drena_database_connections_discarded_total",
    }


def test_every_alert_has_a_summary_a_description_and_a_page_to_turn_to():
    text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
    assert len(ALERTS) == text.count("- alert:") == len(CASES)
    anchors = {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", (CONTRIB / "operating.md").read_text(encoding="utf-8"), re.MULTILINE)
    }
    for name, _expr, _for, severity, summary, description, runbook in ALERTS.values():
        assert severity in {"critical", "warning", "info"}
        assert summary
        assert description.endswith(".")
        page, _, anchor = runbook.partition("#")
        assert page == "contrib/operating.md"
        assert anchor == name.lower()
        assert anchor in anchors, f"contrib/operating.md has no section {name}"


def test_each_panel_has_a_title_of_its_own_and_a_place():
    board = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian's package prometheus)")
def test_each_alert_fires_when_it_should_and_keeps_still_when_it_should(tmp_path):
    tests = []
    for name, (firing, quiet) in CASES.items():
        tests.append(rule_test(name, firing, UNTIL, fires=True))
        tests.append(rule_test(name, quiet, UNTIL, fires=False))
    shutil.copy(MONITORING / "alerts.yml", tmp_path)
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": tests}))
    command = [str(PROMTOOL), "test", "rules", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def rule_test(name: str, series: dict[str, str], at: str, *, fires: bool) -> dict[str, Any]:
    """One case of promtool's: how many of this alert are firing at that time."""
    wanted = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "interval": "1m",
        "input_series": [{"series": f"{key}", "values": long(values)} for key, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": at if fires else QUIET_UNTIL,
                "exp_samples": wanted,
            }
        ],
    }


def long(values: str) -> str:
    """Short series hold on to their end."""
    return re.sub(r"x30$", "x240", values)


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed (Debian's package prometheus)")
async def test_every_query_returns_data_from_a_real_node_through_a_real_prometheus(database, tmp_path):
    async with open_node(database, SCRIPT, http__listen="127.0.0.1:0", feed__listen="127.0.0.1:0") as node:
        await bring_about(node)
        address = node.daemon._front.http_addresses[0]
        async with open_prometheus(address, tmp_path) as ask:
            await wait_scraped(ask)
            empty = []
            for where, expr in panels():
                if not await ask(asked(expr)):
                    empty.append((where, asked(expr)))
            for name, found in ALERTS.items():
                if not await ask(healthy(found[1])):
                    empty.append((name, healthy(found[1])))
            for name, found in ALERTS.items():  # all is well, so nothing fires
                if name != "DrenaIntegrationFailing" and await ask(found[1]):
                    empty.append((name, "fires"))
    assert empty == []


async def work(ctx: Any) -> None:
    await trio.lowlevel.checkpoint()


async def give_up(ctx: Any) -> None:  # noqa: ASYNC124
    raise GiveUp("token_invalid", "não")


async def later(ctx: Any) -> None:  # noqa: ASYNC124
    if ctx.job.attempt == 1:
        raise RetryLater(None, "espere", code="busy")


SCRIPT = Script(work=work, give_up=give_up, later=later)


async def bring_about(node: Any) -> None:
    """One of everything that has a series only once it has happened."""
    for act in ("work", "give_up", "later"):
        await node.perform(act, attempts=2)
    await node.perform("give_up", office="another")
    metrics = node.daemon.metrics
    metrics.rescued.add("lease_lost")
    metrics.healed.add("stale_pending")
    metrics.scheduled.add("created")
    metrics.loop_blocks.add("script")
    tenant = node.offices["contmax"]
    node.daemon._outside.paces.pace(tenant, "script", b"a credential", 60.0)
    silent = {f.name for f in metrics.families if isinstance(f, Reading)} - families(await scrape(node)).keys()
    assert silent == set()


@asynccontextmanager
async def open_prometheus(address: str, folder: Path) -> AsyncIterator[Any]:
    """Debian's Prometheus, scraping a node every half second; yields a function that asks for a query's series."""
    config = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    config = (
        config.replace("127.0.0.1:8764", address)
        .replace("15s", "500ms")
        .replace("alerts.yml", str(MONITORING / "alerts.yml"))
    )
    (folder / "prometheus.yml").write_text(config)
    with trio.socket.socket() as probe:
        await probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]  # fmt: skip
    async with trio.open_nursery() as nursery:
        process = await nursery.start(partial(trio.run_process, command, stderr=sys.stderr, check=False))
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

                async def ask(query: str) -> list[Any]:
                    answer = await client.get("/api/v1/query", params={"query": query})
                    if answer.status_code == 503:  # it is still starting
                        return []
                    assert answer.status_code == 200, (query, answer.text)
                    found: list[Any] = answer.json()["data"]["result"]
                    return found

                yield ask
        finally:
            process.terminate()
            nursery.cancel_scope.cancel()


async def wait_scraped(ask: Any) -> None:
    """Until there are samples enough for a rate."""
    with trio.fail_after(40):
        while True:
            try:
                if (found := await ask("min(count_over_time(drena_lease_held[30s]))")) and float(
                    found[0]["value"][1]
                ) >= 3:
                    return
            except httpx2.TransportError:
                pass  # it is still starting
            await trio.sleep(0.1)
