-- A job is poison when its nodes die under it again and again *without it moving*: a sync of many hours may outlive any
-- number of nodes. So a checkpoint remembers how many rescues the job has outlived; `rescues` itself only grows.
alter table public.integration_jobs add column if not exists rescues_outlived integer not null default 0;

comment on column public.integration_jobs.rescues_outlived is 'rescues before the last checkpoint; only later ones count towards poison';
