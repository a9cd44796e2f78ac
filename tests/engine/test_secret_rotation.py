"""A secret that is rotated while the daemon runs: the next attempt has the new one."""

from __future__ import annotations

from drena.api import RetryLater
from drena.redaction import Redactor
from drena.secrets import SecretStore
from engine.node import Script, open_node


async def test_the_next_attempt_reads_the_secret_that_was_rotated_in(database, tmp_path):
    file = tmp_path / "secrets.env"
    seen = []

    def rotate(token):
        file.touch(0o600)
        file.write_text(f"SCRIPT_TOKEN_CONTMAX={token}\n")

    async def refused_then_taken(ctx):  # noqa: ASYNC124  # an act is awaited
        seen.append(ctx.secret("token"))
        if seen[-1] == "the-old-token":
            rotate("the-new-token")
            raise RetryLater(None, "o token não serve mais")
        return {"ok": True}

    rotate("the-old-token")
    async with open_node(database, Script(refused_then_taken=refused_then_taken)) as node:
        node.daemon._outside.secrets = SecretStore({}, Redactor(), file=file)
        job = await node.perform("refused_then_taken", attempts=2)
        assert (job["status"], job["attempts"]) == ("success", 2)
        assert seen == ["the-old-token", "the-new-token"]
        rotate("the-newest-token")
        await node.perform("refused_then_taken")
        assert seen[-1] == "the-newest-token"
        file.chmod(0o644)
        job = await node.perform("refused_then_taken")
        assert (job["status"], job["error_code"]) == ("error", "secret_file_unusable")
        assert "chmod 600" in job["error_message"]


async def test_tenants_that_would_share_a_secret_are_named_at_the_start(database, conn):
    await conn.execute(
        "insert into organizacoes (nome, slug) values ('a', 'cont-max'), ('b', 'cont_max'), ('c', 'other')"
    )
    await conn.execute("insert into tenant_integrations (tenant_id, provider) select id, 'script' from organizacoes")
    async with open_node(database, Script()) as node:
        (line,) = [line for line in node.log.lines if "one name" in line["event"]]
        assert line["variable"] == "SCRIPT_TOKEN_CONT_MAX"
        assert len(line["secrets"]) == 2
