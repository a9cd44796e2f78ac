"""What `drena doctor` looks at: one line a check, with the words for what it finds.

Each check is the statement `doctor_<query>` of `queries/doctor.sql`; the sentences are filled from its columns.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One check of the history."""

    code: str
    """Stable, for programs."""
    invariant: str
    """Of design section 6; empty where none is named."""
    query: str
    what: str
    """What was found; a format of the statement's columns."""
    remedy: str
    """What to do about it, or what Drena will do by itself."""
    patient: bool = False
    """Whether the statement takes the patience: only then is a thing wrong that Drena would put right by itself."""


NOT_BY_THE_RULES: Final = (
    "Keep the job's row and log lines and report this: it is a fault of Drena, or somebody wrote these rows by hand."
)
BY_SWEEP: Final = "`drena sweep` settles it; a running node does so every minute (`drena sweep --dry-run` shows how)."

CHECKS: Final = (
    Check(
        "schema_damaged",
        "I1",
        "schema",
        "The {kind} {name} on integration_jobs is missing or switched off.",
        "Create it again from the migrations (0003, 0004 and 0010); "
        "until then other writers can break the queue's rules.",
    ),
    Check(
        "lane_doubled",
        "I1",
        "lane_doubled",
        "The lane {lane!r} of {provider_slug} has {jobs} active jobs.",
        "End all but one of them (`drena cancel ID`), then see why integration_jobs_one_active_per_lane let them in.",
    ),
    Check(
        "status_unknown",
        "",
        "status_unknown",
        "Job {job_id} has the status {status!r}, which nobody knows.",
        "Set it to error with a message; nothing will ever run it.",
    ),
    Check(
        "end_time_wrong",
        "I2",
        "end_time",
        "Job {job_id} is {status}, and its time of end is {finished_at}.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "mute_failure",
        "",
        "mute_failure",
        "Job {job_id} ended as error (code {error_code}) and does not say why.",
        "Look at `drena job {job_id}`, and tell the provider's author.",
    ),
    Check(
        "attempt_open",
        "I2",
        "attempt_open",
        "Attempt {attempt} of job {job_id} began and never ended, though the job is {status}.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "attempt_closed_twice",
        "I2",
        "attempt_closed_twice",
        "Attempt {attempt} of job {job_id} has the line {event} while no attempt was open.",
        NOT_BY_THE_RULES,
    ),
    Check("ended_twice", "I2", "ended_twice", "Job {job_id} ended {ends} times.", NOT_BY_THE_RULES),
    Check(
        "line_after_end",
        "I2",
        "line_after_end",
        "Job {job_id} has a log line after its end: {message!r} at {at}.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "token_not_growing",
        "I2",
        "token",
        "Attempt {attempt} of job {job_id} ran under lease token {token}, after {before}; the job is at {lease_token}.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "holder_disagrees",
        "I2",
        "holder",
        "Job {job_id} is held by node {node_id}, token {lease_token}; its log says {node_of_log}, {token_of_log}.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "attempts_disagree",
        "I5",
        "attempts",
        "Job {job_id} counts {attempts} attempts; its log tells of {told}.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "rescues_disagree",
        "I5",
        "rescues",
        "Job {job_id} counts {rescues} rescues; its log tells of {told}.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "poison_active",
        "I5",
        "poison",
        "Job {job_id} was taken back from dead nodes {rescues} times and is still active.",
        "`drena cancel {job_id}`, then look at what the provider {provider_slug} does with this tenant.",
    ),
    Check(
        "attempts_over",
        "I6",
        "attempts_over",
        "Job {job_id} was tried {attempts} times and may be tried {max_attempts} times.",
        NOT_BY_THE_RULES,
    ),
    Check(
        "retry_never",
        "I6",
        "retry_never",
        "Job {job_id} waits until {run_at}.",
        "`drena retry {job_id}` runs it now; look at what the provider answered.",
    ),
    Check(
        "node_gone",
        "I5",
        "node_gone",
        "Job {job_id} is running since {started_at} on node {node_id}, which does not exist any more.",
        "`drena cancel {job_id}` ends it at once; `drena retry {job_id}` then asks for it again.",
    ),
    Check(
        "lease_over",
        "I5",
        "lease_over",
        "Node {name} lost its lease at {lease_until} and still has {jobs} jobs.",
        "Any live node takes them back within seconds: see `drena nodes` whether there is one, and start one if not.",
        patient=True,
    ),
    Check(
        "lease_too_far",
        "I5",
        "lease_far",
        "The lease of node {name} lasts until {lease_until}: its death would go unnoticed.",
        "Lower lease.lease_s and restart the node; a database's clock that jumped does this too.",
    ),
    Check(
        "overdue",
        "I7",
        "overdue",
        "Job {job_id} is due since {run_at}, a live node could run it, and nothing hinders it.",
        "`drena why {job_id}` and the log of the nodes say more; restarting the node claims it again.",
        patient=True,
    ),
    Check("residue", "I11", "residue", "Job {job_id} is {status}, and nobody can run it ({stale_code}).", BY_SWEEP),
    Check(
        "cancel_ignored",
        "",
        "cancel_ignored",
        "Job {job_id} is running although its end was asked for at {cancel_requested_at}.",
        "If node {node_id} is alive its provider does not let itself be cancelled: restart that node.",
    ),
    Check(
        "old_writer",
        "",
        "old_writer",
        "Job {job_id} is running since {started_at} without a node: an old function is writing.",
        "Switch off what still runs jobs beside Drena; the sweep ends this one when it stays silent.",
    ),
    Check(
        "time_ahead",
        "",
        "time_ahead",
        "Job {job_id} has a time that has not come yet: {at}.",
        "Let writers use the database's clock (now()) instead of their own.",
    ),
    Check(
        "feed_gap",
        "I9",
        "feed_gap",
        "The feed log of tenant {tenant_id} lacks the offsets {gap_from} to {gap_to}.",
        "Give the tenant a new epoch in drena.feed_head, so that clients take a fresh snapshot; then report it.",
    ),
    Check(
        "feed_head_disagrees",
        "I9",
        "feed_head",
        "The feed log of tenant {tenant_id} ends at {last}; its head says {head}.",
        "Give the tenant a new epoch in drena.feed_head, so that clients take a fresh snapshot; then report it.",
    ),
    Check(
        "ghost_integration",
        "I12",
        "ghost_integration",
        "The integration {provider_slug} of tenant {tenant_id} says {last_status}, and no job of it is active.",
        BY_SWEEP,
    ),
    Check(
        "ghost_sync",
        "I12",
        "ghost_sync",
        "The sync {sync_id} of {entity} says running since {started_at}, and no job stands behind it.",
        BY_SWEEP,
    ),
    Check(
        "log_row_missing_or_doubled",
        "I12",
        "log_row",
        "Job {job_id} ended as {status} and has {rows} lines in integration_logs.",
        NOT_BY_THE_RULES,
    ),
)
"""Every check, in the order of their findings."""
