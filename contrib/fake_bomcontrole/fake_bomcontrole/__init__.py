"""A fake of the BomControle HTTP API: its real quirks by default, its faults behind knobs."""
