"""The help of commands and options, and what the command line's library says of wrong words."""

from __future__ import annotations

from typing import Final

CLICK: Final = {
    "Usage": "Uso",
    "Options": "Opções",
    "Commands": "Comandos",
    "[OPTIONS]": "[OPÇÕES]",
    "COMMAND [ARGS]...": "COMANDO [ARGUMENTOS]...",
    "Show this message and exit.": "Mostra esta mensagem e termina.",
    "Show the version and exit.": "Mostra a versão e termina.",
    "default: {}": "padrão: {}",
    "required": "obrigatório",
    "Example: {}": "Exemplo: {}",
    "{}; see `{} --help`.": "{}; veja `{} --help`.",
    "No such command {}": "Não existe o comando {}",
    "No such command {}. Did you mean {}?": "Não existe o comando {} (talvez {}?)",
    "No such command {}. (Did you mean one of: {}?)": "Não existe o comando {} (talvez um destes: {}?)",
    "No such option {}": "Não existe a opção {}",
    "No such option: {}": "Não existe a opção {}",
    "No such option {}. Did you mean {}?": "Não existe a opção {} (talvez {}?)",
    "No such option {}. (Did you mean one of: {}?)": "Não existe a opção {} (talvez uma destas: {}?)",
    "Missing argument {}": "Falta o argumento {}",
    "Missing option {}": "Falta a opção {}",
    "Missing argument {}. Choose from: {}": "Falta o argumento {}. Escolha entre: {}",
    "Invalid value for {}: {}": "Valor inválido para {}: {}",
    "{} is not one of {}": "{} não é um destes: {}",
    "{} is not in the range {}": "{} está fora do intervalo {}",
    "{} is not a valid UUID": "{} não é um UUID válido",
    "{} is not a valid integer": "{} não é um número inteiro",
    "{} is not UTF-8 text": "{} não é texto em UTF-8",
    "{} is not NAME=VALUE, such as ignore_pagina=true": "{} não é NOME=VALOR, como ignore_pagina=true",
    "Got unexpected extra argument ({})": "Argumento a mais: {}",
    "Got unexpected extra arguments ({})": "Argumentos a mais: {}",
    "Option {} requires an argument": "A opção {} precisa de um valor",
    "Option {} does not take a value": "A opção {} não aceita valor",
    "File {} is a directory": "O arquivo {} é um diretório",
}

PHRASES: Final = CLICK | {
    "Set, clear and list when integrations run by themselves.": (
        "Define, tira e lista quando integrações rodam sozinhas."
    ),
    "Zone of the expression's times.": "Fuso dos horários da expressão.",
    "Let TENANT's PROVIDER run by the clock: CRON has five fields, minute hour day month weekday.": (
        "Faz o PROVIDER do TENANT rodar por horário: CRON tem cinco campos, minuto hora dia mês dia-da-semana."
    ),
    "What was missed while no node ran is made up for once.": "O que se perdeu sem nenhum nó rodando é feito uma vez.",
    "Let TENANT's PROVIDER run by the clock no more.": "Faz o PROVIDER do TENANT não rodar mais por horário.",
    "List the schedules, the next to come first.": "Lista os agendamentos, o próximo primeiro.",
    "Drena runs the integrations of many tenants and never lets a job get stuck.": (
        "O Drena executa as integrações de muitos clientes e nunca deixa um job travado."
    ),
    "Exit codes: 0 ok, 1 the job failed, 2 usage, 3 configuration, 4 database out of reach.": (
        "Códigos de saída: 0 certo, 1 o job falhou, 2 uso, 3 configuração, 4 banco fora de alcance."
    ),
    "Configuration file; otherwise $DRENA_CONFIG, otherwise /etc/drena/drena.toml.": (
        "Arquivo de configuração; senão $DRENA_CONFIG, senão /etc/drena/drena.toml."
    ),
    "Language of messages and help; by default the locale's.": (
        "Idioma das mensagens e da ajuda; por padrão o do sistema."
    ),
    "Language; by default the locale's.": "Idioma; por padrão o do sistema.",
    "Write it as SVG too.": "Grava também como SVG.",
    "Run psql, pg_dump, pg_restore or pg_isready on the database in use, which is started for it if embedded.": (
        "Executa psql, pg_dump, pg_restore ou pg_isready no banco em uso, que é iniciado para isso se for embutido."
    ),
    "What follows PROGRAM is its own; its exit code becomes ours.": (
        "O que vem depois de PROGRAM é dele; o código de saída dele passa a ser o nosso."
    ),
    "Print one JSON document.": "Mostra um documento JSON.",
    "Print each check as a line of JSON, and a summary last.": (
        "Mostra cada verificação como uma linha de JSON, e um resumo por último."
    ),
    "Write the log as lines of JSON, whatever log.format says.": (
        "Grava o log em linhas de JSON, diga o log.format o que disser."
    ),
    "Without PROGRAM: what it would run, and on which server.": "Sem PROGRAM: o que executaria, e em qual servidor.",
    "--json goes without PROGRAM, whose output is its own": ("--json vai sem PROGRAM, que tem a sua própria saída"),
    "Say what would change, and change nothing.": "Diz o que mudaria, sem mudar nada.",
    "See Drena work, in about half a minute: a throwaway database, a fake API, two offices.": (
        "Mostra o Drena trabalhando, em meio minuto: um banco descartável, uma API falsa, dois escritórios."
    ),
    "However it ends, nothing is left running and no file stays: after kill -9 a guard process cleans up.": (
        "Termine como terminar, nada fica rodando e nenhum arquivo sobra: depois de um kill -9 um guarda limpa."
    ),
    "Exit codes: 0 every check passed, 1 one failed; 3 something it needs is not installed.": (
        "Códigos de saída: 0 todas as verificações passaram, 1 alguma falhou; 3 falta instalar algo."
    ),
    "Leave it all running at the end, status page included, until Ctrl-C.": (
        "Deixa tudo no ar ao final, com a página de status, até um Ctrl-C."
    ),
    "Let the fake API misbehave, such as ignore_pagina=true, and see the demo fail; repeatable.": (
        "Faz a API falsa se comportar mal, como ignore_pagina=true, e a demonstração falhar; pode repetir."
    ),
    "Run the daemon until SIGTERM: drain every tenant's jobs.": (
        "Executa o daemon até o SIGTERM: drena os jobs de todos os clientes."
    ),
    "Adopt or update the database; safe beside running nodes, and a second time.": (
        "Adota ou atualiza o banco; é seguro com nós rodando, e também repetir."
    ),
    "End jobs that are stuck for ever, and clear the ghosts they left.": (
        "Encerra os jobs travados para sempre e limpa os fantasmas que deixaram."
    ),
    "Ask for a job of TENANT (slug or id) with PROVIDER (slug).": (
        "Pede um job de TENANT (slug ou id) com PROVIDER (slug)."
    ),
    'While one is active nothing is created and that one is shown: "Execução em andamento".': (
        "Enquanto houver um ativo nada é criado, e ele é mostrado: “Execução em andamento”."
    ),
    "Lane of the integration; the default one is ''.": "Faixa da integração; a padrão é ''.",
    "A JSON object for the provider.": "Um objeto JSON para o conector.",
    "Wait for the end; exit code 1 when the job fails.": "Espera o fim; código de saída 1 quando o job falha.",
    "List the newest jobs.": "Lista os jobs mais novos.",
    "How many at most.": "Quantos, no máximo.",
    "Only this tenant's (slug or id).": "Só deste cliente (slug ou id).",
    "Only this provider's (slug).": "Só deste conector (slug).",
    "Only these; may be repeated.": "Só estes; pode repetir.",
    "Show one job and its log.": "Mostra um job e o seu log.",
    "List the integrations with their last status.": "Lista as integrações com a última situação.",
    "List the plugins that were found, and why one was skipped.": (
        "Lista os plugins encontrados, e por que algum foi ignorado."
    ),
    "Ask a provider whether the tenant's credential works; all enabled integrations without arguments.": (
        "Pergunta ao conector se a credencial do cliente funciona; sem argumentos, em todas as integrações ativas."
    ),
    "A dry run asks the outside system as a job would, at the same pace, so it takes as long; a job of the integration "
    "that starts meanwhile waits for its end.": (
        "O ensaio pergunta ao sistema externo como um job faria, no mesmo ritmo, e por isso demora o mesmo; um job da "
        "integração que começar enquanto isso espera o fim dele."
    ),
    "Say what a job would create, update and skip, and change nothing.": (
        "Diz o que um job criaria, alteraria e pularia, sem mudar nada."
    ),
    "With --dry-run: the job's lane.": "Com --dry-run: a faixa do job.",
    "With --dry-run: the job's payload, a JSON object.": "Com --dry-run: o payload do job, um objeto JSON.",
    "Explain every setting: value, source, default, and whether a reload changes it.": (
        "Explica cada configuração: valor, origem, padrão, e se uma recarga a muda."
    ),
    "Only say whether the configuration is right; exit code 3 when not.": (
        "Só diz se a configuração está certa; código de saída 3 quando não está."
    ),
    "Print what lets a shell complete commands, options, tenants and providers.": (
        "Mostra o que faz o shell completar comandos, opções, clientes e conectores."
    ),
    "Tell the one reason a job is not running, in the language of the locale.": (
        "Diz o motivo de um job não estar rodando, no idioma do sistema."
    ),
    "End a job, also one that another node is running.": "Encerra um job, mesmo que outro nó o esteja executando.",
    "Do an ended job again, or at once one that is backing off.": (
        "Repete um job encerrado, ou executa já um que aguarda nova tentativa."
    ),
    "Start nothing more: of a tenant, a provider, both, or, without options, of everything.": (
        "Não inicia mais nada: de um cliente, de um conector, de ambos ou, sem opções, de tudo."
    ),
    "What runs goes on.": "O que está rodando continua.",
    "Shown to whoever asks why.": "Mostrado a quem perguntar por quê.",
    "Of this tenant alone (slug or id).": "Só deste cliente (slug ou id).",
    "Of this provider alone (slug).": "Só deste conector (slug).",
    "Take back a pause, named as it was made.": "Desfaz uma pausa, nomeada como foi feita.",
    "List the running daemons, their leases and what they offer.": (
        "Lista os daemons ativos, as suas concessões e o que oferecem."
    ),
    "Verify the queue's history against its invariants; changes nothing.": (
        "Confere o histórico da fila com as suas invariantes; não muda nada."
    ),
    "Exit code 1 when something is wrong, with what to do about it.": (
        "Código de saída 1 quando algo está errado, com o que fazer."
    ),
    "Delete the history that the retention settings let go; a running node does so every hour.": (
        "Apaga o histórico que a retenção não guarda mais; um nó ativo faz isso a cada hora."
    ),
    "Make, list and revoke the tokens that let programs in.": (
        "Cria, lista e revoga os tokens que deixam programas entrar."
    ),
    "Make a token and show it, this once.": "Cria um token e o mostra, só desta vez.",
    "List the tokens, their scopes and when they were last used; never the tokens themselves.": (
        "Lista os tokens, o que podem e quando foram usados; nunca os próprios tokens."
    ),
    "Let the token NAME (or id) in no more; its open connections end.": (
        "Não aceita mais o token NAME (ou id); as conexões abertas dele acabam."
    ),
    "For how long; else until it is revoked.": "Por quanto tempo; senão até ser revogado.",
    "Good for every tenant, also those to come.": "Vale para todos os clientes, também os que vierem.",
    "Good for this tenant (slug or id); may be repeated.": "Vale para este cliente (slug ou id); pode repetir.",
    "What it may do; may be repeated; else read.": "O que ele pode fazer; pode repetir; senão, ler.",
    "Where the feed is, as ws://host:port or wss://host; else feed.listen.": (
        "Onde fica o feed, como ws://host:porta ou wss://host; senão feed.listen."
    ),
    "A service token or JWT; better in $DRENA_TOKEN, where nobody sees it.": (
        "Um token de serviço ou JWT; melhor em $DRENA_TOKEN, onde ninguém o vê."
    ),
    "Show what there is now, and end.": ("Mostra o que há agora e termina."),
    "Print every frame as a line of JSON.": ("Mostra cada mensagem como uma linha de JSON."),
    "Watch jobs move, of TENANT (slug or id) or of all that the token may see.": (
        "Acompanha os jobs ao vivo, de TENANT (slug ou id) ou de todos que o token pode ver."
    ),
    "A client of the feed: it needs no database, and reconnects by itself. Ctrl-C ends it.": (
        "Um cliente do feed: não precisa do banco e reconecta sozinho. Ctrl-C termina."
    ),
}
