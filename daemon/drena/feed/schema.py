"""Writes the JSON Schema of the protocol: `python -m drena.feed.schema > contrib/feed-protocol.schema.json`."""

from __future__ import annotations

import json
import sys

from drena.feed.protocol import json_schema


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
