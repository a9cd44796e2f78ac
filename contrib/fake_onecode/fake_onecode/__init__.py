"""A fake of the OneCode HTTP API: its real quirks by default, its faults behind knobs."""
