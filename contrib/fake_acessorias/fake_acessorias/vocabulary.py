"""The words the invented offices are made of. Every name, number and address here is synthetic."""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = ("Ana", "Bia", "Caio", "Davi", "Eva", "Fábio", "Gil", "Inês", "João", "Lia", "Noé", "Zélia")
LAST_NAMES: Final = ("Teste", "Exemplo", "Modelo", "Amostra", "Fictício", "Ensaio")
TRADES: Final = (
    "COMÉRCIO", "INDÚSTRIA", "TRANSPORTES", "PADARIA", "CLÍNICA", "CONSTRUÇÕES", "PAPELARIA", "OFICINA", "RESTAURANTE",
    "ESCOLA", "FARMÁCIA", "TECNOLOGIA",
)  # fmt: skip
BRANDS: Final = (
    "EXEMPLO", "ALFA", "BETA", "GAMA", "DELTA", "AURORA", "BOA VISTA", "SÃO JOÃO", "IPÊ", "JATOBÁ", "MANDACARU",
    "ÁGUA & SOL",
)  # fmt: skip
LEGAL_FORMS: Final = ("LTDA", "S.A.", "EIRELI", "ME", "EPP")
STATES: Final = ("SP", "SP", "SP", "RJ", "MG", "PR", "SC", "RS", "BA", "PE", "GO", "CE")
REGIMES: Final = (
    "Simples Nacional - Serviços",
    "Simples Nacional - Comércio",
    "Lucro Presumido - Serviços",
    "Lucro Presumido - Comércio",
    "Lucro Real - Indústria",
    "Imune/Isenta - Isenta",
    "Filial - Regime Normal",
    "MEI - Microempreendedor Individual",
    "Cliente especial (ver com a sócia)",
)
"""Labels an office typed itself: a prefix may be known, the whole never is."""
GROUPS: Final = ("Grupo Exemplo", "Grupo Ensaio", "Holding Modelo", "Família Amostra")
DEPARTMENTS: Final = ("Fiscal", "Contábil", "Pessoal", "Societário", "Financeiro")
OBLIGATIONS: Final = (
    ("PGDAS-D", 20), ("DCTFWeb", 15), ("EFD-Reinf", 15), ("eSocial", 7), ("SPED Fiscal", 25), ("EFD-Contribuições", 10),
    ("Folha de pagamento", 5), ("GIA", 16),
)  # fmt: skip
"""Name of a monthly obligation and the day of the next month it is due."""
OPEN_LABELS: Final = ("Pendente", "Prazo técnico", "Pend. justificada")
LATE_LABELS: Final = ("Atrasada!", "Atraso justificado")
DONE_LABELS: Final = ("Entregue", "Ent. antecipada", "Ent. PzTéc", "Ent. justificada")
DONE_LATE_LABELS: Final = ("Ent. atrasada", "Ent. justificada")
WAIVED_LABELS: Final = ("Dispensada",)
EDITED_LABELS: Final = ("Em análise pela Bia", "OK cliente")
"""Offices may edit the labels: these stand in no documentation."""
TAGS: Final = ("VIP", "Inadimplente", "Em implantação", "Sem movimento", "Folha terceirizada")
PROCESSES: Final = ("Abertura de empresa", "Alteração contratual", "Baixa de empresa", "Parcelamento", "Certidões")
REQUESTS: Final = ("Segunda via de boleto", "Admissão de funcionário", "Dúvida sobre guia", "Envio de extratos")
