"""What each setting is for (`drena config`)."""

from __future__ import annotations

from typing import Final

DATABASE_AND_QUEUE: Final = {
    "Where the daemon keeps files. By default `$STATE_DIRECTORY`, else `/var/lib/drena` for root, else `drena` in the "
    "user's state folder.": (
        "Onde o daemon guarda arquivos. Por padrão `$STATE_DIRECTORY`, senão `/var/lib/drena` para root, senão `drena` "
        "na pasta de estado do usuário."
    ),
    "PostgreSQL, as `postgresql://user:password@host:5432/name`. Without it an embedded one runs.": (
        "O PostgreSQL, como `postgresql://usuario:senha@servidor:5432/nome`. Sem ele roda um embutido."
    ),
    "A direct URL for LISTEN when `database.url` goes through a transaction pooler.": (
        "Uma URL direta para LISTEN quando `database.url` passa por um pooler de transações."
    ),
    "How long `drena run` waits at its start for a database that is not there yet.": (
        "Quanto o `drena run` espera, ao iniciar, por um banco que ainda não está lá."
    ),
    "Connections this node keeps open at most.": "Conexões que este nó mantém abertas, no máximo.",
    "What people call this node; the host's name by default.": "Como chamam este nó; por padrão o nome da máquina.",
    "Attempts this node runs at once.": "Tentativas que este nó executa ao mesmo tempo.",
    "Jobs of one tenant that run at once, over all nodes.": "Jobs de um cliente ao mesmo tempo, somando todos os nós.",
    "A node that has not renewed for this long loses its jobs to the others.": (
        "Um nó que não renova por este tempo perde os seus jobs para os outros."
    ),
    "How often due jobs are looked for when nothing woke the node before.": (
        "De quanto em quanto tempo se procuram jobs quando nada acordou o nó antes."
    ),
    "The wait after the first failure, about; it doubles with each one.": (
        "A espera depois da primeira falha, mais ou menos; dobra a cada uma."
    ),
    "The longest wait the backoff reaches.": "A maior espera a que as novas tentativas chegam.",
    "How long running attempts may go on before they are released to others.": (
        "Quanto as tentativas em curso podem continuar antes de serem devolvidas à fila."
    ),
    "Within how long the offices of one moment start, each always so much later as its name says.": (
        "Em quanto tempo começam os escritórios de um mesmo horário, cada um sempre tantos segundos depois, conforme o "
        "nome."
    ),
    "A pending job older than this that no node could run is ended.": (
        "Um job na fila há mais que isto, que nenhum nó pôde executar, é encerrado."
    ),
    "A running job without a lease, older than this, is ended.": (
        "Um job em execução sem concessão, há mais que isto, é encerrado."
    ),
    "How often the sweep looks for both.": "De quanto em quanto tempo a limpeza procura os dois.",
    "An ended job older than this is deleted with its log.": (
        "Um job encerrado há mais que isto é apagado com o seu log."
    ),
    "Of one integration only so many of the newest ended jobs are kept, however young.": (
        "De uma integração só se guardam tantos dos jobs encerrados mais novos, por jovens que sejam."
    ),
    "What a provider wrote to a job's log is deleted after this; the lines of its life stay with it.": (
        "O que um conector escreveu no log de um job é apagado depois disto; as linhas da vida dele ficam."
    ),
    "How far back a feed client can resume without a fresh snapshot.": (
        "Até onde um cliente do feed pode voltar sem um retrato novo."
    ),
    "Rows of integration_logs, sync_jobs and sync_logs whose job was deleted go after this; else they stay.": (
        "Linhas de integration_logs, sync_jobs e sync_logs de jobs apagados somem depois disto; senão ficam."
    ),
    "Rows one transaction deletes at most, about.": "Linhas que uma transação apaga, no máximo, mais ou menos.",
    "The least serious line that is written.": "A linha menos grave que é escrita.",
    "Where traces are sent over HTTP, as `http://127.0.0.1:4318/v1/traces`; nowhere by default.": (
        "Para onde vão os traces por HTTP, como `http://127.0.0.1:4318/v1/traces`; por padrão, para lugar nenhum."
    ),
    "Of how many attempts traces are made.": "De que parte das tentativas se fazem traces.",
    "`auto` is `console` on a terminal and `json` elsewhere.": "`auto` é `console` num terminal e `json` fora dele.",
    "Folders with installed plugins, besides Python's own.": "Pastas com plugins instalados, além das do Python.",
    "Plugins to leave out, by distribution or entry point name.": (
        "Plugins a deixar de fora, pelo nome da distribuição ou do ponto de entrada."
    ),
}

PROVIDERS: Final = {
    "The fastest pace towards the outside system, per credential.": (
        "O ritmo máximo com o sistema externo, por credencial."
    ),
    "An attempt older than this ends with code `deadline`.": (
        "Uma tentativa mais velha termina com o código `deadline`."
    ),
    "Attempts of this provider on this node at once.": "Tentativas deste conector neste nó ao mesmo tempo.",
    "A proxy for its requests, as `http://user:password@host:3128`.": (
        "Um proxy para os pedidos, como `http://usuario:senha@servidor:3128`."
    ),
    "A file of certificates to trust in place of the system's.": (
        "Um arquivo de certificados a aceitar no lugar dos do sistema."
    ),
    "How long a connection may take to open; 10 by default.": (
        "Quanto uma conexão pode levar para abrir; 10 por padrão."
    ),
    "How long a silence within an answer may last; 60 by default.": (
        "Quanto pode durar um silêncio no meio de uma resposta; 60 por padrão."
    ),
    "The largest answer that is read; 33554432 (32 MiB) by default.": (
        "A maior resposta que é lida; 33554432 (32 MiB) por padrão."
    ),
}

SERVING: Final = {
    "Where the API and the page are: host:port, :port, unix:/path; `off` or nothing for nowhere.": (
        "Onde ficam a API e a página: host:porta, :porta, unix:/caminho; `off` ou nada para lugar nenhum."
    ),
    "A PEM file with the certificate, to speak TLS without a proxy.": (
        "Um arquivo PEM com o certificado, para falar TLS sem proxy."
    ),
    "A PEM file with the certificate's key.": "Um arquivo PEM com a chave do certificado.",
    "Addresses or networks of proxies whose `X-Forwarded-For` is believed.": (
        "Endereços ou redes dos proxies em cujo `X-Forwarded-For` se acredita."
    ),
    "Connections at once.": "Conexões ao mesmo tempo.",
    "Connections of one address at once; proxies are exempt.": (
        "Conexões de um endereço ao mesmo tempo; proxies não contam."
    ),
    "Other origins whose pages may use the API, as `https://app.example.com`.": (
        "Outras origens cujas páginas podem usar a API, como `https://app.example.com`."
    ),
    "Origins that may show the page in a frame and hand it a token.": (
        "Origens que podem mostrar a página numa moldura e entregar-lhe um token."
    ),
    "The largest request body that is read.": "O maior corpo de pedido que é lido.",
    "What one address may ask for without a token, or with a wrong one.": (
        "O que um endereço pode pedir sem token, ou com um errado."
    ),
    "What one user or service token may ask for.": "O que um usuário ou token de serviço pode pedir.",
    "Under which key of the session storage an application of the same origin leaves the token.": (
        "Em que chave do session storage um aplicativo da mesma origem deixa o token."
    ),
    "Who may read `/metrics`: this machine, without a proxy; a service token for all tenants; nobody.": (
        "Quem pode ler `/metrics`: esta máquina, sem proxy; um token de serviço para todos os clientes; ninguém."
    ),
}

FEED: Final = {
    "Where: `host:port`, `:port`, `[::1]:port`, `unix:/path`; empty or `off` for no feed.": (
        "Onde: `host:porta`, `:porta`, `[::1]:porta`, `unix:/caminho`; vazio ou `off` para nenhum feed."
    ),
    "Where browsers reach the feed: `wss://…` or a path, `off` for nowhere; by default on the page's host.": (
        "Onde os navegadores alcançam o feed: `wss://…` ou um caminho, `off` para lugar nenhum; por padrão na máquina "
        "da página."
    ),
    "A PEM file with the certificate, for TLS without a proxy in front.": (
        "Um arquivo PEM com o certificado, para TLS sem proxy na frente."
    ),
    "Addresses or networks whose X-Forwarded-For is believed, as `127.0.0.1` or `10.0.0.0/8`.": (
        "Endereços ou redes em cujo X-Forwarded-For se acredita, como `127.0.0.1` ou `10.0.0.0/8`."
    ),
    "Origins whose pages may open a feed, as `https://app.example`; those of the same host may anyway.": (
        "Origens cujas páginas podem abrir um feed, como `https://app.example`; as do mesmo host sempre podem."
    ),
    "Clients at once.": "Clientes ao mesmo tempo.",
    "Clients of one address at once.": "Clientes de um endereço ao mesmo tempo.",
    "Connections of one address that have not shown a token yet, at once.": (
        "Conexões de um endereço que ainda não mostraram um token, ao mesmo tempo."
    ),
    "Messages a client may send a second, twice as many in a burst.": (
        "Mensagens que um cliente pode enviar por segundo, o dobro de uma vez."
    ),
    "The largest message a client may send.": "A maior mensagem que um cliente pode enviar.",
    "Tenants one client may watch.": "Clientes (escritórios) que uma conexão pode acompanhar.",
    "A client that takes nothing for so long is cut off.": "Uma conexão que não recebe nada por tanto tempo é cortada.",
    "How often the feed's log is looked at while somebody reads and nobody notified.": (
        "De quanto em quanto tempo se olha o log do feed enquanto alguém lê e ninguém avisou."
    ),
}

PEOPLE: Final = {
    "A file of lines `ACESSORIAS_TOKEN_CONTMAX=value`, for its owner alone; read anew for each attempt.": (
        "Um arquivo de linhas `ACESSORIAS_TOKEN_CONTMAX=valor`, só do seu dono; lido de novo a cada tentativa."
    ),
    "`open` lets everybody on this machine do everything, for development; only on loopback addresses.": (
        "`open` deixa todos nesta máquina fazerem tudo, para desenvolvimento; só em endereços locais."
    ),
    "The secret that signs people's tokens with HS256, of 32 bytes at least.": (
        "O segredo que assina os tokens das pessoas com HS256, de pelo menos 32 bytes."
    ),
    "Where the issuer's public keys are (ES256, RS256). With an issuer and no secret, below the issuer.": (
        "Onde estão as chaves públicas do emissor (ES256, RS256). Com emissor e sem segredo, abaixo do emissor."
    ),
    "What `iss` of people's tokens must be, as `https://project.supabase.co/auth/v1`.": (
        "O que o `iss` dos tokens das pessoas deve ser, como `https://project.supabase.co/auth/v1`."
    ),
    "What `aud` of people's tokens must be or hold.": "O que o `aud` dos tokens das pessoas deve ser ou conter.",
    "How often memberships of open connections are read again without a notification.": (
        "De quanto em quanto tempo os vínculos das conexões abertas são relidos sem aviso."
    ),
}

PHRASES: Final = DATABASE_AND_QUEUE | PROVIDERS | SERVING | FEED | PEOPLE
