/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type JobStatus = "pending" | "running" | "success" | "error" | "canceled";
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type ProgressDetail = {
    done?: number | null | undefined;
    total?: number | null | undefined;
    unit?: string | null | undefined;
    phase?: string | null | undefined;
    message?: string | null | undefined;
    /**
     * how many of the unit a second
     */
    rate_per_s?: number | null | undefined;
    /**
     * seconds left, as estimated
     */
    eta_s?: number | null | undefined;
    /**
     * unit and phase as people read them; see `progressWord`
     */
    words?: Record<string, Record<Language, string>> | undefined;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type JobView = {
    id: string;
    tenant_id: string;
    provider_slug: string;
    lane: string;
    status: JobStatus;
    priority: number;
    run_at: string | null;
    created_at: string;
    started_at: string | null;
    finished_at: string | null;
    execution_time_ms: number | null;
    attempts: number;
    max_attempts: number;
    rescues: number;
    /**
     * 0 to 100
     */
    progress: number;
    progress_detail: ProgressDetail | null;
    error_code: string | null;
    error_message: string | null;
    result: unknown;
    /**
     * it was too large for the feed
     */
    result_omitted?: boolean | undefined;
    created_by: string | null;
    cancel_requested_at: string | null;
    version: number;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type IntegrationView = {
    id: string;
    tenant_id: string;
    provider_slug: string;
    is_enabled: boolean;
    paused: boolean;
    last_status: string | null;
    last_error: string | null;
    last_run: string | null;
    schedule: {
        cron: string;
        timezone: string;
    } | null;
    next_at: string | null;
    version: number;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type Tenant = {
    id: string;
    slug: string;
    name: string;
};
/**
 * a place in a tenant's log
 */
export type Position = {
    epoch: string;
    offset: number;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type Snapshot = {
    t: "snapshot";
    tenant: string;
    epoch: string;
    offset: number;
    part?: number | undefined;
    parts?: number | undefined;
    jobs?: JobView[] | undefined;
    integrations?: IntegrationView[] | undefined;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type DeltaRow = {
    /**
     * `job:<id>` or `integration:<id>`
     */
    k: string;
    /**
     * its version
     */
    v: number;
    /**
     * the whole view
     */
    d?: any;
    /**
     * it is gone
     */
    del?: boolean | undefined;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type Delta = {
    t: "delta";
    tenant: string;
    epoch?: string | undefined;
    /**
     * the epoch it leads on from, when that is not `epoch`
     */
    was?: string | undefined;
    from: number;
    to: number;
    rows: DeltaRow[];
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type Progress = {
    t: "progress";
    tenant: string;
    job_id: string;
    version?: number | undefined;
    progress: number;
    progress_detail?: ProgressDetail | null | undefined;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type Language = "pt" | "en";
/**
 * `live`: what is shown is right. `stale`: connected, but not heard from, or catching up after a gap.
 * `reconnecting`: on the way to a connection. `offline`: the browser has no network, or the server refused us.
 */
export type ConnectionState = "live" | "stale" | "reconnecting" | "offline";
/**
 * what a user interface shows; a new object whenever anything in it changes
 */
export type FeedSnapshot = {
    /**
     * newest first
     */
    jobs: readonly JobView[];
    integrations: readonly IntegrationView[];
    tenants: readonly Tenant[];
    connection: ConnectionState;
    /**
     * the last moment at which all of this was known to be right, by this machine's clock
     */
    asOf: Date | null;
    /**
     * nothing has been shown yet
     */
    loading: boolean;
    /**
     * what carries it
     */
    transport: "socket" | "poll" | null;
    /**
     * why the client stopped trying, or why it cannot
     */
    problem: Problem | null;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type Problem = {
    /**
     * `refused`: understood, and no. `unavailable`: the server
     * cannot just now. `network`: nobody answered, so it may or may not have arrived.
     */
    kind: "refused" | "unavailable" | "network";
    /**
     * stable, for programs: `job_active`, `forbidden`, `unreachable`, …
     */
    code: string;
    /**
     * the HTTP status; 0 for the network
     */
    status: number;
    title: string;
    detail: string;
    requestId: string | null;
    /**
     * with `job_active`
     */
    activeJob?: JobView | undefined;
    retryAfterS?: number | undefined;
    /**
     * everything else the server said
     */
    extensions: Readonly<Record<string, unknown>>;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type Outcome = {
    ok: true;
    job: JobView;
    healedJobId: string | null;
} | {
    ok: false;
    problem: Problem;
};
/**
 * why a job is not running
 */
export type Reason = {
    job_id: string;
    code: string;
    text: string | {
        pt: string;
        en: string;
    };
    until?: string | null | undefined;
    details?: Record<string, unknown> | undefined;
};
/**
 * what the client needs of its surroundings; tests bring their own
 */
export type World = {
    /**
     * milliseconds since 1970
     */
    now: () => number;
    setTimeout: (call: () => void, ms: number) => any;
    clearTimeout: (timer: any) => void;
    random: () => number;
    uuid: () => string;
    WebSocket: new (url: string, protocols: string[]) => WebSocket;
    fetch: typeof fetch;
    isOnline: () => boolean;
    isVisible: () => boolean;
    listen: (listener: (event: "online" | "offline" | "visible") => void) => () => void;
};
/**
 * The shapes that travel, as the server writes them (`contrib/feed-protocol.md`), and those this client hands out.
 * There is no code here.
 */
export type ClientOptions = {
    /**
     * `wss://…`; without it, everything goes over HTTP
     */
    feedUrl?: string | null | undefined;
    /**
     * `https://…`; without it, there is no long poll and no `why`
     */
    httpUrl?: string | null | undefined;
    /**
     * called before every
     * connect and every request, so it should be cheap while its token is good; `renew` says that the one it gave last is
     * about to expire
     */
    getToken?: ((reason: {
        renew: boolean;
    }) => Promise<string | null> | string | null) | undefined;
    /**
     * of the sentences in problems
     */
    language?: Language | undefined;
    /**
     * how long the socket stays after the last unsubscribe
     */
    lingerMs?: number | undefined;
    world?: Partial<World> | undefined;
};
