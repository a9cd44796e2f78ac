"""What people can put right: configuration, database, plugins, names that do not exist."""

from __future__ import annotations

from typing import Final

NAMES: Final = {
    "Say for whom the token is good: --tenant, once or more, or --all-tenants.": (
        "Diga para quem o token vale: --tenant, uma ou mais vezes, ou --all-tenants."
    ),
    "A token needs a name that can be read, such as `ci`.": "Um token precisa de um nome legível, como `ci`.",
    "There is a token {} already: take another name, or revoke it first.": (
        "Já existe o token {}: escolha outro nome, ou revogue-o antes."
    ),
    "There is no token {} that could be revoked; see `drena token list`.": (
        "Não há token {} que possa ser revogado; veja `drena token list`."
    ),
    "There is no tenant with the slug or id {}{}": "Não existe o cliente com o slug ou id {}{}",
    "There is no job {}; `drena jobs` lists the newest ones.": (
        "Não existe o job {}; `drena jobs` lista os mais novos."
    ),
    "No tenant has an integration with {}{}": "Nenhum cliente tem integração com {}{}",
    "No plugin offers the provider {}{}{}": "Nenhum plugin oferece o conector {}{}{}",
    "--lane {} cannot be a lane: up to {} characters that can be read.": (
        "--lane {} não pode ser uma faixa: até {} caracteres legíveis."
    ),
    "--payload cannot be kept ({}): make it shorter, and without NUL characters.": (
        "--payload não pode ser guardado ({}): faça-o menor, e sem caracteres NUL."
    ),
    "--days {} is no number of days.": "--days {} não é um número de dias.",
    "The feed at {} cannot be reached: {}.": "O feed em {} não responde: {}.",
    "{} is not installed here: install PostgreSQL's client programs or drena[embedded].": (
        "{} não está instalado aqui: instale os programas clientes do PostgreSQL ou drena[embedded]."
    ),
    "The variable {} is not UTF-8 text.": "A variável {} não é texto em UTF-8.",
    "The output cannot be written: {}.": "Não dá para escrever a saída: {}.",
    "This is a fault of Drena itself, which its authors should hear of ({}). {}": (
        "Isto é uma falha do próprio Drena, que os autores precisam conhecer ({}). {}"
    ),
    "Its traceback is in {}.": "O rastreamento está em {}.",
    "Its traceback is in the log.": "O rastreamento está no log.",
    "Its traceback could not be kept.": "Não deu para guardar o rastreamento.",
    "No provider is installed: install one, for example drena-acessorias (see `drena plugins`).": (
        "Nenhum conector está instalado: instale um, por exemplo drena-acessorias (veja `drena plugins`)."
    ),
    "The integration {} of {} is disabled: enable it in tenant_integrations first.": (
        "A integração {} de {} está desativada: ative-a antes em tenant_integrations."
    ),
    "{} has no integration {}: add a row to tenant_integrations first.": (
        "{} não tem a integração {}: inclua antes uma linha em tenant_integrations."
    ),
    "Name both TENANT and PROVIDER, or neither: `drena check TENANT PROVIDER`.": (
        "Informe TENANT e PROVIDER, ou nenhum dos dois: `drena check TENANT PROVIDER`."
    ),
    "--payload is not a JSON object ({}): write it like '{\"full\": true}'.": (
        "--payload não é um objeto JSON ({}): escreva como '{{\"full\": true}}'."
    ),
    "A dry run needs both: `drena check --dry-run TENANT PROVIDER`.": (
        "O ensaio precisa dos dois: `drena check --dry-run TENANT PROVIDER`."
    ),
    "A job of {} with {} waits or runs: it and a dry run would hold each other up. Try again when it has ended.": (
        "Um job de {} com {} aguarda ou roda: ele e o ensaio atrapalhariam um ao outro. Tente de novo quando terminar."
    ),
    "The provider {} cannot be rehearsed (it has no `dry_run`): nothing was run.": (
        "O conector {} não pode ser ensaiado (não tem `dry_run`): nada foi executado."
    ),
}

TOKENS: Final = {
    "A token needs a name that can be read, such as `ci`.": "Um token precisa de um nome legível, como `ci`.",
    "Say for whom the token is good: --tenant, once or more, or --all-tenants.": (
        "Diga para quem o token vale: --tenant, uma ou mais vezes, ou --all-tenants."
    ),
    "There is a token {} already: take another name, or revoke it first.": (
        "Já existe um token {}: use outro nome, ou revogue-o antes."
    ),
    "There is no token {} that could be revoked; see `drena token list`.": (
        "Não existe um token {} a revogar; veja `drena token list`."
    ),
}

DATABASE: Final = {
    "the database {} at {}": "o banco {} em {}",
    "(default)": "(padrão)",
    "the local socket": "o soquete local",
    "This database has not been adopted yet: run `drena migrate` first.": (
        "Este banco ainda não foi adotado: execute antes `drena migrate`."
    ),
    "This database is not up to date: run `drena migrate` first (it has a --dry-run too).": (
        "Este banco não está em dia: execute antes `drena migrate` (que também tem --dry-run)."
    ),
    "The user of database.url lacks a right ({}): grant it, or use the tables' owner.": (
        "Falta um direito ao usuário de database.url ({}): conceda-o, ou use o dono das tabelas."
    ),
    "The connection to the database was lost in the middle: try again when it is back.": (
        "A conexão com o banco caiu no meio: tente de novo quando ele voltar."
    ),
    "{} is a pooler that lets no session be set up ({}): set database.listen_url to a direct URL, or let it "
    "ignore_startup_parameters = jit, idle_in_transaction_session_timeout.": (
        "{} é um pooler que não deixa preparar sessões ({}): aponte database.listen_url para uma URL direta, ou "
        "deixe-o usar ignore_startup_parameters = jit, idle_in_transaction_session_timeout."
    ),
    "{} does not speak as PostgreSQL does ({}).": "{} não fala como o PostgreSQL ({}).",
    "{} refuses the password: correct the user and password in database.url.": (
        "{} recusa a senha: corrija o usuário e a senha em database.url."
    ),
    "{} refuses this user ({}): correct database.url or pg_hba.conf.": (
        "{} recusa este usuário ({}): corrija database.url ou pg_hba.conf."
    ),
    "{} does not exist: create it or correct database.url.": "{} não existe: crie-o ou corrija database.url.",
    "{} has no free connection: lower database.pool_size or raise max_connections.": (
        "{} não tem conexão livre: diminua database.pool_size ou aumente max_connections."
    ),
    "{} is starting up or shutting down: try again in a moment.": (
        "{} está subindo ou parando: tente de novo daqui a pouco."
    ),
    "{} does not let this user do that ({}): grant it the right.": (
        "{} não deixa este usuário fazer isso ({}): conceda-lhe o direito."
    ),
    "{} cannot be found: check the host name in database.url.": (
        "{} não foi encontrado: confira o nome do servidor em database.url."
    ),
    "{} cannot be reached: is PostgreSQL running and database.url right?": (
        "{} não responde: o PostgreSQL está rodando, e database.url está certo?"
    ),
    "database.url cannot be read: {}": "database.url não pode ser lido: {}",
    "No database.url is set and the embedded PostgreSQL is not installed: "
    "set DRENA_DATABASE__URL or install drena[embedded].": (
        "Não há database.url e o PostgreSQL embutido não está instalado: "
        "defina DRENA_DATABASE__URL ou instale drena[embedded]."
    ),
    "The embedded PostgreSQL cannot be unpacked in {}: {}.": (
        "O PostgreSQL embutido não pode ser descompactado em {}: {}."
    ),
    "The embedded PostgreSQL in {} does not start: see {}.": "O PostgreSQL embutido em {} não inicia: veja {}.",
    "The database has migration {}, which is newer than this program: install a newer drena.": (
        "O banco tem a migração {}, mais nova que este programa: instale um drena mais novo."
    ),
    "Migration {} in the database differs from this program's file: "
    "this drena was changed after its release; install an unchanged one.": (
        "A migração {} do banco difere do arquivo deste programa: "
        "este drena foi alterado depois de lançado; instale um sem alterações."
    ),
    "Drena cannot adopt this database: {} "
    "Nothing was changed; put that right, or point database.url at the right database.": (
        "O Drena não pode adotar este banco: {} "
        "Nada foi alterado; corrija isso, ou aponte database.url para o banco certo."
    ),
}

CONFIGURATION: Final = {
    "There is no setting `{}` ({}){}": "Não existe a configuração `{}` ({}){}",
    "; did you mean `{}`?": "; seria `{}`?",
    "environment": "ambiente",
    "file {}": "arquivo {}",
    "`{}` is a section, not a value: write [{}] and its settings below it ({}).": (
        "`{}` é uma seção, não um valor: escreva [{}] e os seus valores abaixo ({})."
    ),
    "`{}` cannot be{}: it must be {} ({}).": "`{}` não pode ser{}: deve ser {} ({}).",
    " what was given": " o que foi dado",
    "The configuration file {} cannot be read: {}.": "O arquivo de configuração {} não pode ser lido: {}.",
    "The configuration file {} is not UTF-8 text (byte {}).": (
        "O arquivo de configuração {} não é texto UTF-8 (byte {})."
    ),
    "The configuration file {} is not valid TOML: {}.": "O arquivo de configuração {} não é TOML válido: {}.",
    "No place for the daemon's files: set `state_dir` in the configuration file or DRENA_STATE_DIR.": (
        "Não há lugar para os arquivos do daemon: defina `state_dir` no arquivo de configuração ou DRENA_STATE_DIR."
    ),
    "The systemd credential {} cannot be read: check the file it comes from.": (
        "A credencial systemd {} não pode ser lida: confira o arquivo de origem."
    ),
    "The file of secrets {} cannot be read: {}.": "O arquivo de segredos {} não pode ser lido: {}.",
    "Line {} of the file of secrets {} is not NAME=value, with a name in upper case.": (
        "A linha {} do arquivo de segredos {} não é NOME=valor, com o nome em maiúsculas."
    ),
    "The file of secrets {} is not a regular file.": "O arquivo de segredos {} não é um arquivo comum.",
    "The file of secrets {} is open to others than its owner: run `chmod 600 {}`.": (
        "O arquivo de segredos {} está aberto a outros usuários do sistema: rode `chmod 600 {}`."
    ),
    "The file of secrets {} belongs to another user: give it to the user Drena runs as.": (
        "O arquivo de segredos {} pertence a outro usuário: passe-o ao usuário que executa o Drena."
    ),
    "The state directory {} cannot be used: {}. Set another by `state_dir`.": (
        "O diretório {} não pode ser usado: {}. Defina outro em `state_dir`."
    ),
    "`retry.base_s` ({}) is above `retry.cap_s` ({}).": "`retry.base_s` ({}) está acima de `retry.cap_s` ({}).",
    "`database.listen_url` needs `database.url`: the embedded database is listened to directly.": (
        "`database.listen_url` precisa de `database.url`: o banco embutido é ouvido diretamente."
    ),
    "`{}` must be a URL that starts with {}:// ({}).": "`{}` deve ser uma URL que começa com {}:// ({}).",
    "`providers.{}` names no provider: a slug is lower-case letters, digits and _, as in `acessorias`.": (
        "`providers.{}` não nomeia um conector: um slug tem letras minúsculas, dígitos e _, como `acessorias`."
    ),
    "`auth.issuer` is missing: set it to what `iss` of the tokens is, as https://project.supabase.co/auth/v1.": (
        "Falta `auth.issuer`: defina-o como o `iss` dos tokens, por exemplo https://project.supabase.co/auth/v1."
    ),
    "`auth.jwt_secret` is too short to be safe: it needs {} bytes at least.": (
        "`auth.jwt_secret` é curto demais para ser seguro: precisa de pelo menos {} bytes."
    ),
    "`auth.mode` is `open`, which is for this machine alone: let `{}.listen` be a loopback address.": (
        "`auth.mode` é `open`, que serve só para esta máquina: use em `{}.listen` um endereço local."
    ),
    "`{}` holds `{}`, which is no origin: write https://app.example.com.": (
        "`{}` contém `{}`, que não é uma origem: escreva https://app.example.com."
    ),
    "`{}.tls_cert` and `{}.tls_key` go together: set both, or neither.": (
        "`{}.tls_cert` e `{}.tls_key` andam juntos: defina os dois, ou nenhum."
    ),
}

LISTENING: Final = {
    "`auth.mode` is `open`, which is for this machine alone: the API's socket is not.": (
        "`auth.mode` é `open`, que serve só para esta máquina: o soquete da API não é só dela."
    ),
    "`auth.mode` is `open`, which is for this machine alone: the feed's socket is not.": (
        "`auth.mode` é `open`, que serve só para esta máquina: o soquete do feed não é só dela."
    ),
    "`{}.trusted_proxies` holds `{}`, which is no address: write 127.0.0.1 or 10.0.0.0/8.": (
        "`{}.trusted_proxies` contém `{}`, que não é um endereço: escreva 127.0.0.1 ou 10.0.0.0/8."
    ),
    "`{}` is no address or network: write 10.0.0.7 or 10.0.0.0/8.": (
        "`{}` não é endereço nem rede: escreva 10.0.0.7 ou 10.0.0.0/8."
    ),
    "`{}` is no address: a Unix socket needs a whole path, as in unix:/run/drena/http.sock.": (
        "`{}` não é um endereço: um soquete Unix precisa do caminho inteiro, como unix:/run/drena/http.sock."
    ),
    "`{}` is no address: write host:port, :port, [::1]:port or unix:/path.": (
        "`{}` não é um endereço: escreva host:porta, :porta, [::1]:porta ou unix:/caminho."
    ),
    "Cannot listen on {}: {}. Set another address, or end what holds it.": (
        "Não dá para escutar em {}: {}. Defina outro endereço, ou encerre quem o ocupa."
    ),
    "The certificate {} and the key {} do not serve: {}.": "O certificado {} e a chave {} não servem: {}.",
    "The certificate {} or the key {} cannot be read: {}.": "O certificado {} ou a chave {} não pode ser lido: {}.",
    "An inherited socket is not listening: check ListenStream= in its .socket unit.": (
        "Um soquete herdado não está escutando: confira ListenStream= na unidade .socket dele."
    ),
}

COMPOSED: Final = {
    "{} Also: {}": "{} E mais: {}",
    "{} has no column {}.": "{} não tem a coluna {}.",
    "{} is of type {} and should be {}.": "{} é do tipo {} e deveria ser {}.",
    "{} must not be null, and Drena does not know it: give it a default.": (
        "{} não pode ser nula, e o Drena não a conhece: dê-lhe um valor padrão."
    ),
    "{}; did you mean {}?": "{}; seria {}?",
    "{}; there are: {}.": "{}; existem: {}.",
    "{} Skipped plugins: {} (see `drena plugins`).": "{} Plugins ignorados: {} (veja `drena plugins`).",
    "none": "nenhum",
    "none yet": "nenhum ainda",
    "no space left on device": "não há mais espaço no dispositivo",
    "everything of {}": "tudo de {}",
    "The database {} at {}": "O banco {} em {}",
    "a whole number": "um número inteiro",
    "a number": "um número",
    "a number above {} up to {}": "um número acima de {} até {}",
    "a number from {} up to {}": "um número de {} até {}",
    "a whole number from {} up to {}": "um número inteiro de {} até {}",
    "a list of texts": "uma lista de textos",
    "a path": "um caminho",
    "a text": "um texto",
    "true or false": "true ou false",
    "one of {}": "um destes: {}",
    "no such file or directory": "não existe",
    "permission denied": "permissão negada",
}
"""What the sources put together of pieces."""

SCHEDULES: Final = {
    "`traces.endpoint` needs OpenTelemetry: install drena[otel].": (
        "`traces.endpoint` precisa do OpenTelemetry: instale drena[otel]."
    ),
    "The schedule {} cannot be set: {}.": "O agendamento {} não pode ser definido: {}.",
    "{} of {} has no schedule; `drena schedule list` shows them.": (
        "{} de {} não tem agendamento; `drena schedule list` mostra os que há."
    ),
}

WATCHING: Final = {
    "`feed.listen` names no port to connect to: say where the feed is with --url.": (
        "`feed.listen` não diz uma porta a que se conectar: diga onde fica o feed com --url."
    ),
    "The feed at {} ended this: {}.": ("O feed em {} encerrou: {}."),
    "There is no tenant {} that this token may see.": ("Não há cliente {} que este token possa ver."),
    "{} is no address of a feed: write ws://host:port or wss://host.": (
        "{} não é endereço de um feed: escreva ws://host:porta ou wss://host."
    ),
}

PHRASES: Final = WATCHING | SCHEDULES | NAMES | TOKENS | DATABASE | CONFIGURATION | LISTENING | COMPOSED
