"""What `drena doctor` finds, and what to do about it."""

from __future__ import annotations

from typing import Final

FINDINGS: Final = {
    "Attempt {} of job {} began and never ended, though the job is {}.": (
        "A tentativa {} do job {} começou e nunca terminou, embora o job esteja {}."
    ),
    "Attempt {} of job {} has the line {} while no attempt was open.": (
        "A tentativa {} do job {} tem a linha {} sem que houvesse tentativa aberta."
    ),
    "Attempt {} of job {} ran under lease token {}, after {}; the job is at {}.": (
        "A tentativa {} do job {} rodou com o token {}, depois do {}; o job está no {}."
    ),
    "Job {} counts {} attempts; its log tells of {}.": "O job {} conta {} tentativas; o log dele fala de {}.",
    "Job {} counts {} rescues; its log tells of {}.": "O job {} conta {} resgates; o log dele fala de {}.",
    "Job {} ended as error (code {}) and does not say why.": (
        "O job {} terminou com erro (código {}) sem dizer por quê."
    ),
    "Job {} ended as {} and has {} lines in integration_logs.": (
        "O job {} terminou como {} e tem {} linhas em integration_logs."
    ),
    "Job {} ended {} times.": "O job {} terminou {} vezes.",
    "Job {} has a log line after its end: {} at {}.": "O job {} tem uma linha de log depois do fim: {} em {}.",
    "Job {} has a time that has not come yet: {}.": "O job {} tem um horário que ainda não chegou: {}.",
    "Job {} has the status {}, which nobody knows.": "O job {} tem a situação {}, que ninguém conhece.",
    "Job {} is due since {}, a live node could run it, and nothing hinders it.": (
        "O job {} deveria rodar desde {}, há nó ativo para ele, e nada o impede."
    ),
    "Job {} is held by node {}, token {}; its log says {}, {}.": (
        "O job {} está com o nó {}, token {}; o log dele diz {}, {}."
    ),
    "Job {} is running although its end was asked for at {}.": "O job {} roda embora o fim tenha sido pedido em {}.",
    "Job {} is running since {} on node {}, which does not exist any more.": (
        "O job {} roda desde {} no nó {}, que não existe mais."
    ),
    "Job {} is running since {} without a node: an old function is writing.": (
        "O job {} roda desde {} sem nó: uma função antiga está gravando."
    ),
    "Job {} is {}, and its time of end is {}.": "O job {} está {}, e o horário do fim é {}.",
    "Job {} is {}, and nobody can run it ({}).": "O job {} está {}, e ninguém pode executá-lo ({}).",
    "Job {} waits until {}.": "O job {} espera até {}.",
    "Job {} was taken back from dead nodes {} times and is still active.": (
        "O job {} foi retomado de nós mortos {} vezes e continua ativo."
    ),
    "Job {} was tried {} times and may be tried {} times.": (
        "O job {} foi tentado {} vezes e pode ser tentado {} vezes."
    ),
    "Node {} lost its lease at {} and still has {} jobs.": "O nó {} perdeu a concessão em {} e ainda tem {} jobs.",
    "The feed log of tenant {} ends at {}; its head says {}.": (
        "O log do feed do cliente {} acaba em {}; a cabeça diz {}."
    ),
    "The feed log of tenant {} lacks the offsets {} to {}.": "Faltam no log do feed do cliente {} as posições {} a {}.",
    "The integration {} of tenant {} says {}, and no job of it is active.": (
        "A integração {} do cliente {} diz {}, e nenhum job dela está ativo."
    ),
    "The lane {} of {} has {} active jobs.": "A faixa {} de {} tem {} jobs ativos.",
    "The lease of node {} lasts until {}: its death would go unnoticed.": (
        "A concessão do nó {} vai até {}: a morte dele passaria despercebida."
    ),
    "The sync {} of {} says running since {}, and no job stands behind it.": (
        "A sincronização {} de {} diz que roda desde {}, e não há job por trás dela."
    ),
    "The {} {} on integration_jobs is missing or switched off.": "Falta em integration_jobs, ou está desligado: {} {}.",
}

REMEDIES: Final = {
    "Any live node takes them back within seconds: see `drena nodes` whether there is one, and start one if not.": (
        "Qualquer nó ativo os retoma em segundos: veja em `drena nodes` se há um, e inicie um se não houver."
    ),
    "Create it again from the migrations (0003, 0004 and 0010); "
    "until then other writers can break the queue's rules.": (
        "Crie-o de novo pelas migrações (0003, 0004 e 0010); até lá outros podem quebrar as regras da fila."
    ),
    "End all but one of them (`drena cancel ID`), then see why integration_jobs_one_active_per_lane let them in.": (
        "Encerre todos menos um (`drena cancel ID`); veja por que integration_jobs_one_active_per_lane os aceitou."
    ),
    "Give the tenant a new epoch in drena.feed_head, so that clients take a fresh snapshot; then report it.": (
        "Dê ao cliente uma nova época em drena.feed_head, para que as telas se renovem; depois relate o caso."
    ),
    "If node {} is alive its provider does not let itself be cancelled: restart that node.": (
        "Se o nó {} está ativo, o conector dele não se deixa cancelar: reinicie esse nó."
    ),
    "Keep the job's row and log lines and report this: it is a fault of Drena, or somebody wrote these rows by hand.": (
        "Guarde a linha e o log do job e relate: é um defeito do Drena, ou alguém gravou essas linhas à mão."
    ),
    "Let writers use the database's clock (now()) instead of their own.": (
        "Faça quem grava usar o relógio do banco (now()) em vez do próprio."
    ),
    "Look at `drena job {}`, and tell the provider's author.": "Veja `drena job {}` e avise o autor do conector.",
    "Lower lease.lease_s and restart the node; a database's clock that jumped does this too.": (
        "Diminua lease.lease_s e reinicie o nó; um salto no relógio do banco também causa isso."
    ),
    "Set it to error with a message; nothing will ever run it.": (
        "Ponha-o em error com uma mensagem; nada vai executá-lo."
    ),
    "Switch off what still runs jobs beside Drena; the sweep ends this one when it stays silent.": (
        "Desligue o que ainda executa jobs ao lado do Drena; a limpeza encerra este se continuar em silêncio."
    ),
    "`drena cancel {}` ends it at once; `drena retry {}` then asks for it again.": (
        "`drena cancel {}` o encerra já; depois `drena retry {}` o pede de novo."
    ),
    "`drena cancel {}`, then look at what the provider {} does with this tenant.": (
        "`drena cancel {}`, e depois veja o que o conector {} faz com este cliente."
    ),
    "`drena retry {}` runs it now; look at what the provider answered.": (
        "`drena retry {}` o executa agora; veja o que o conector respondeu."
    ),
    "`drena sweep` settles it; a running node does so every minute (`drena sweep --dry-run` shows how).": (
        "`drena sweep` resolve; um nó ativo faz isso a cada minuto (`drena sweep --dry-run` mostra como)."
    ),
    "`drena why {}` and the log of the nodes say more; restarting the node claims it again.": (
        "`drena why {}` e o log dos nós dizem mais; reiniciar o nó o retoma."
    ),
}

PHRASES: Final = FINDINGS | REMEDIES
