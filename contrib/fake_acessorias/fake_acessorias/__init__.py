"""A faithful fake of the Acessórias HTTP API: its real quirks by default, its faults behind knobs."""
