/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 *
 * @typedef {"pending" | "running" | "success" | "error" | "canceled"} JobStatus
 *
 * @typedef {object} ProgressDetail
 * @property {number | null} [done]
 * @property {number | null} [total]
 * @property {string | null} [unit]
 * @property {string | null} [phase]
 * @property {string | null} [message]
 * @property {number | null} [rate_per_s] how many of the unit a second
 * @property {number | null} [eta_s] seconds left, as estimated
 * @property {Record<string, Record<Language, string>>} [words] unit and phase as people read them; see `progressWord`
 *
 * @typedef {object} JobView
 * @property {string} id
 * @property {string} tenant_id
 * @property {string} provider_slug
 * @property {string} lane
 * @property {JobStatus} status
 * @property {number} priority
 * @property {string | null} run_at
 * @property {string} created_at
 * @property {string | null} started_at
 * @property {string | null} finished_at
 * @property {number | null} execution_time_ms
 * @property {number} attempts
 * @property {number} max_attempts
 * @property {number} rescues
 * @property {number} progress 0 to 100
 * @property {ProgressDetail | null} progress_detail
 * @property {string | null} error_code
 * @property {string | null} error_message
 * @property {unknown} result
 * @property {boolean} [result_omitted] it was too large for the feed
 * @property {string | null} created_by
 * @property {string | null} cancel_requested_at
 * @property {number} version
 *
 * @typedef {object} IntegrationView
 * @property {string} id
 * @property {string} tenant_id
 * @property {string} provider_slug
 * @property {boolean} is_enabled
 * @property {boolean} paused
 * @property {string | null} last_status
 * @property {string | null} last_error
 * @property {string | null} last_run
 * @property {{ cron: string, timezone: string } | null} schedule
 * @property {string | null} next_at
 * @property {number} version
 *
 * @typedef {object} Tenant
 * @property {string} id
 * @property {string} slug
 * @property {string} name
 *
 * @typedef {{ epoch: string, offset: number }} Position a place in a tenant's log
 *
 * @typedef {object} Snapshot
 * @property {"snapshot"} t
 * @property {string} tenant
 * @property {string} epoch
 * @property {number} offset
 * @property {number} [part]
 * @property {number} [parts]
 * @property {JobView[]} [jobs]
 * @property {IntegrationView[]} [integrations]
 *
 * @typedef {object} DeltaRow
 * @property {string} k `job:<id>` or `integration:<id>`
 * @property {number} v its version
 * @property {any} [d] the whole view
 * @property {boolean} [del] it is gone
 *
 * @typedef {object} Delta
 * @property {"delta"} t
 * @property {string} tenant
 * @property {string} [epoch]
 * @property {string} [was] the epoch it leads on from, when that is not `epoch`
 * @property {number} from
 * @property {number} to
 * @property {DeltaRow[]} rows
 *
 * @typedef {object} Progress
 * @property {"progress"} t
 * @property {string} tenant
 * @property {string} job_id
 * @property {number} [version]
 * @property {number} progress
 * @property {ProgressDetail | null} [progress_detail]
 *
 * @typedef {"pt" | "en"} Language
 *
 * @typedef {"live" | "stale" | "reconnecting" | "offline"} ConnectionState
 *   `live`: what is shown is right. `stale`: connected, but not heard from, or catching up after a gap.
 *   `reconnecting`: on the way to a connection. `offline`: the browser has no network, or the server refused us.
 *
 * @typedef {object} FeedSnapshot what a user interface shows; a new object whenever anything in it changes
 * @property {readonly JobView[]} jobs newest first
 * @property {readonly IntegrationView[]} integrations
 * @property {readonly Tenant[]} tenants
 * @property {ConnectionState} connection
 * @property {Date | null} asOf the last moment at which all of this was known to be right, by this machine's clock
 * @property {boolean} loading nothing has been shown yet
 * @property {"socket" | "poll" | null} transport what carries it
 * @property {Problem | null} problem why the client stopped trying, or why it cannot
 *
 * @typedef {object} Problem
 * @property {"refused" | "unavailable" | "network"} kind `refused`: understood, and no. `unavailable`: the server
 *   cannot just now. `network`: nobody answered, so it may or may not have arrived.
 * @property {string} code stable, for programs: `job_active`, `forbidden`, `unreachable`, …
 * @property {number} status the HTTP status; 0 for the network
 * @property {string} title
 * @property {string} detail
 * @property {string | null} requestId
 * @property {JobView} [activeJob] with `job_active`
 * @property {number} [retryAfterS]
 * @property {Readonly<Record<string, unknown>>} extensions everything else the server said
 *
 * @typedef {{ ok: true, job: JobView, healedJobId: string | null } | { ok: false, problem: Problem }} Outcome
 *
 * @typedef {object} Reason why a job is not running
 * @property {string} job_id
 * @property {string} code
 * @property {string | { pt: string, en: string }} text
 * @property {string | null} [until]
 * @property {Record<string, unknown>} [details]
 *
 * @typedef {object} World what the client needs of its surroundings; tests bring their own
 * @property {() => number} now milliseconds since 1970
 * @property {(call: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} random
 * @property {() => string} uuid
 * @property {new (url: string, protocols: string[]) => WebSocket} WebSocket
 * @property {typeof fetch} fetch
 * @property {() => boolean} isOnline
 * @property {() => boolean} isVisible
 * @property {(listener: (event: "online" | "offline" | "visible") => void) => () => void} listen
 *
 * @typedef {object} ClientOptions
 * @property {string | null} [feedUrl] `wss://…`; without it, everything goes over HTTP
 * @property {string | null} [httpUrl] `https://…`; without it, there is no long poll and no `why`
 * @property {(reason: { renew: boolean }) => Promise<string | null> | string | null} [getToken] called before every
 *   connect and every request, so it should be cheap while its token is good; `renew` says that the one it gave last is
 *   about to expire
 * @property {Language} [language] of the sentences in problems
 * @property {number} [lingerMs] how long the socket stays after the last unsubscribe
 * @property {Partial<World>} [world]
 */

export {};
