// The old page, as it stood, but for the first import: the hook came from "@/hooks/useIntegrationJobs".
import { useIntegrationJobs } from "drena-react";
import { useWaitingReason } from "drena-react";
import { ageText, texts } from "drena-client";

import { Badge, Button, Tooltip } from "./badge.jsx";

const LABELS = { pending: "Na fila…", running: "Processando…", success: "Concluído", error: "Falha", canceled: "Cancelado" };

export function IntegrationsPage({ integrations }) {
  const { loading, connection, asOf, jobs, refetch } = useIntegrationJobs();
  return (
    <main>
      <header>
        <Badge tone={connection} data-testid="connection">
          {texts.pt[connection]}
        </Badge>
        {connection !== "live" && asOf && <small data-testid="age">{ageText(asOf, "pt")}</small>}
        <output data-testid="jobs">{loading ? "Carregando…" : jobs.length}</output>
        <Button onClick={() => refetch()}>Atualizar</Button>
      </header>
      {integrations.map(({ tenantId, slug, name }) => (
        <IntegrationCard key={`${tenantId} ${slug}`} tenantId={tenantId} slug={slug} name={name} />
      ))}
    </main>
  );
}

function IntegrationCard({ tenantId, slug, name }) {
  const { getActiveJob, getLatestJob, getJobsByProvider, submitJob, loading } = useIntegrationJobs([tenantId]);
  const active = getActiveJob(tenantId, slug);
  const latest = getLatestJob(tenantId, slug);
  const waiting = useWaitingReason(active);
  const label = latest ? LABELS[latest.status] : "Configurado";

  return (
    <article aria-label={name}>
      <h2>{name}</h2>
      <Tooltip text={latest?.finished_at ? `Última execução: ${latest.finished_at}` : "Nunca executada"}>
        {(anchor) => (
          <Badge ref={anchor} tone={latest?.status ?? "none"} data-testid="status">
            {label}
          </Badge>
        )}
      </Tooltip>
      {active?.status === "running" && (
        <progress max="100" value={active.progress} aria-label="Progresso">
          {active.progress}%
        </progress>
      )}
      {latest?.status === "error" && <p role="alert">{latest.error_message}</p>}
      {waiting && (
        <p role="status">
          Fila aguardando reprocessamento. {waiting.text}
        </p>
      )}
      <span data-testid="count">{getJobsByProvider(slug).length}</span>
      <Button disabled={loading || !!active} onClick={() => submitJob(tenantId, slug)}>
        Executar
      </Button>
    </article>
  );
}
