"""The curl examples of the README, run as they stand there against a real daemon."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import trio

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands():
    """Each command of the block with its comment, continuation lines joined."""
    (block,) = [text for text in BLOCK.findall(README.read_text(encoding="utf-8")) if "/v1/jobs" in text]
    return [line for line in block.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


EXPECTED = [
    lambda told: told["status"] == "pending",
    lambda told: (told["code"], told["title"]) == ("job_active", "Already running"),
    lambda told: len(told["items"]) == 1,
    None,  # JOB=
    lambda told: told["code"] == "paused",
    lambda told: told["items"][0]["message"],
    lambda told: told["status"] == "canceled",
    None,  # ID=
    lambda told: told["paused"] is True,
    lambda told: told["status"] == "ok",
    lambda told: told["openapi"] == "3.1.0",
    "job_active",
]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
async def test_the_examples_of_the_readme_do_what_they_say(served, office):
    found = commands()
    assert len(found) == len(EXPECTED)
    script = "set -eu\n" + "\necho @@@\n".join(found) + "\n"
    env = {"PATH": os.environ["PATH"], "DRENA": served.url, "TENANT": str(office.id), "TOKEN": office.service}
    with trio.fail_after(60):
        done = await trio.run_process(
            ["sh", "-c", script], env=env, capture_stdout=True, capture_stderr=True, check=False
        )
    assert done.returncode == 0, done.stderr.decode()
    answers = done.stdout.decode().split("@@@\n")
    for command, answer, expected in zip(found, answers, EXPECTED, strict=True):
        if callable(expected):
            assert expected(json.loads(answer)), f"{command}\n{answer}"
        elif expected is not None:
            assert expected in answer, command
