import { createClient, isActive, Refused, type JobView, type Outcome, type Problem } from "drena-client";
import { DrenaProvider, useIntegrationJobs, useWaitingReason, type Notice } from "drena-react";
import type { ReactNode } from "react";

const client = createClient({
  feedUrl: "wss://drena.example/feed",
  httpUrl: "https://drena.example",
  getToken: async ({ renew }) => (renew ? "new" : "token"),
});

function describe(problem: Problem): string {
  const code: string = problem.code;
  const active: JobView | undefined = problem.activeJob;
  return problem.kind === "network" ? problem.title : `${code} ${active?.id ?? ""} ${problem.retryAfterS ?? 0}`;
}

export async function outside(): Promise<string> {
  const outcome: Outcome = await client.run({ tenantId: "t", providerSlug: "acessorias", payload: { full: true } });
  if (!outcome.ok) return describe(outcome.problem);
  try {
    const reason = await client.why(outcome.job.id);
    return reason.code;
  } catch (error) {
    return error instanceof Refused ? describe(error.problem) : "";
  }
}

function Card({ tenantId, slug }: { tenantId: string; slug: string }) {
  const { jobs, loading, getActiveJob, getLatestJob, getJobsByProvider, submitJob, refetch, connection, asOf } =
    useIntegrationJobs([tenantId]);
  const active = getActiveJob(tenantId, slug);
  const waiting = useWaitingReason(active);
  const all: JobView[] = jobs.filter(isActive).concat(getJobsByProvider(slug), getJobsByProvider(tenantId, slug));
  const percent: number | undefined = getLatestJob(tenantId, slug)?.progress;
  const state: "live" | "stale" | "reconnecting" | "offline" = connection;
  return (
    <button disabled={loading || active !== undefined} onClick={() => void submitJob(tenantId, slug).then(refetch)}>
      {all.length} {percent} {state} {asOf?.toISOString()} {waiting?.text}
    </button>
  );
}

export function App({ children }: { children: ReactNode }) {
  const toast = (notice: Notice) => console.log(notice.level, notice.title, notice.detail, notice.problem?.code);
  return (
    <DrenaProvider client={client} language="pt" onNotice={toast}>
      <Card tenantId="t" slug="acessorias" />
      {children}
    </DrenaProvider>
  );
}

// @ts-expect-error: a status of a job that does not exist
export const wrong = (job: JobView) => job.status === "cancelled";
