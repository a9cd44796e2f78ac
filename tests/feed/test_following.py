"""What a client of the feed sees: snapshot, changes, nothing else's."""

from __future__ import annotations

from feed.viewer import open_viewer


async def test_a_client_gets_a_snapshot_and_then_what_changes(feed):
    async with feed() as stage:
        office = await stage.office()
        first = await stage.job(office, "first")
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            welcome = await viewer.until("welcome")
            assert [tenant["slug"] for tenant in welcome["tenants"]] == ["contmax"]
            snapshot = await viewer.until("snapshot")
            assert [job["id"] for job in snapshot["jobs"]] == [str(first)]
            assert snapshot["jobs"][0]["status"] == "pending"
            second = await stage.job(office, "second")
            await viewer.when(lambda: str(second) in viewer.view(office).jobs)
            await stage.set(first, "status = 'running', started_at = now()")
            await viewer.when(lambda: viewer.view(office).jobs[str(first)]["status"] == "running")
            await viewer.when(lambda: viewer.view(office).integrations[0]["last_status"] == "running")
            await stage.pool.execute("delete from integration_jobs where id = $1", second)
            await viewer.when(lambda: str(second) not in viewer.view(office).jobs)
