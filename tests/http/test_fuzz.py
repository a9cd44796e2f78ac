"""Schemathesis against the daemon's own OpenAPI document: whatever it makes up, no answer is a 5xx, undocumented, or of
another shape than the document says. Twenty seconds here; `make fuzz-http` takes longer, and ARGS="--seed 7" repeats.

One kind of finding is left out: that a request which fits its schema was refused. Cursors, cron lines, time zones and
keys are texts whose rules no schema can tell; their refusals are documented all the same.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = float(os.environ.get("FUZZ_HTTP_S", "20"))
SEED = int(os.environ.get("FUZZ_HTTP_SEED") or random.randrange(2**31))
OURS = ("a request ended in an error", "an HTTP connection ended in an error", "the database refused a request")


def config_of(tmp_path: Path, known: dict[str, str]) -> Path:
    """A configuration; with known values the requests get past the 404s."""
    path = tmp_path / "schemathesis.toml"
    lines = [f'"{name}" = {json.dumps(value)}' for name, value in known.items()]
    path.write_text("\n".join(["[parameters]", *lines]) if known else "", encoding="utf-8")
    return path


def fuzz(url: str, token: str, config: Path, phases: str, seconds: float) -> subprocess.CompletedProcess[str]:
    words = [
        str(Path(sys.executable).parent / "schemathesis"), f"--config-file={config}", "--no-color", "run",
        f"{url}/v1/openapi.json", f"--header=Authorization: Bearer {token}", f"--seed={SEED}",
        f"--max-time={seconds:g}", "--max-examples=100000" if seconds > 60 else "--max-examples=40",
        "--request-timeout=30", f"--phases={phases}", "--exclude-checks=positive_data_acceptance",
        "--continue-on-failure", "--warnings=off", "--generation-database=none",
    ]  # fmt: skip
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("DRENA_", "PYTHON"))}
    return subprocess.run(
        words, cwd=config.parent, env=environ, capture_output=True, text=True, check=False, timeout=seconds + 120
    )


@pytest.mark.parametrize("known", [False, True], ids=["anything", "ids that exist"])
async def test_whatever_is_asked_is_answered_as_documented(known, served, office, api, tmp_path):
    job = (await api.post("/v1/jobs", json={"tenant_id": str(office.id), "provider_slug": "acessorias"})).json()
    values = {
        "query.tenant_id": str(office.id), "path.job_id": job["id"], "path.integration_id": str(office.integration),
        "query.wait_s": "0", "path.code": "job_active", "path.path": "app.js",
    }  # fmt: skip
    config = config_of(tmp_path, values if known else {"query.wait_s": "0"})
    phases = "fuzzing,stateful" if known else "examples,coverage,fuzzing"
    done = fuzz(served.url, office.service, config, phases, SECONDS / 2)
    print(f"seed {SEED}\n{done.stdout[-400:]}")
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert [line for line in served.lines if line.get("event") in OURS] == []
