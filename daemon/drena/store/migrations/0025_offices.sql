-- Who may see every tenant sees those founded later too: the gates hear of them as they hear of memberships.
create or replace trigger drena_wake_gates after insert or update of slug, nome or delete or truncate
    on public.organizacoes for each statement execute function drena.wake_gates();
