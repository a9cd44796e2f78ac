-- What retention needs to find old log lines without reading the log. Only lines that providers write are in this index:
-- claims and finishes, whose lines carry an event, pay nothing for it.
create index if not exists job_logs_said_by_providers on drena.job_logs (at) where not fields ? 'event';
