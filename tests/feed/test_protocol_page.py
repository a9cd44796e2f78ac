"""The page from which clients are written: its examples are frames, and its schema is that of the daemon's types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from drena.feed import protocol
from drena.feed.schema import schema_text

CONTRIB = Path(__file__).parents[2] / "contrib"
PAGE = (CONTRIB / "feed-protocol.md").read_text()
SCHEMA = json.loads((CONTRIB / "feed-protocol.schema.json").read_text())
EXAMPLES = [
    (side, line)
    for side, block in re.findall(r"```json (client|server)\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
DECODERS = {"client": protocol.decode_client, "server": protocol.decode_server}
TYPES = {"client": protocol.ClientFrame, "server": protocol.ServerFrame}


@pytest.mark.parametrize("side, line", EXAMPLES, ids=[f"{side} {line[6:22]}" for side, line in EXAMPLES])
def test_every_example_is_a_frame_by_the_types_and_by_the_schema(side, line):
    frame = DECODERS[side](line)
    assert frame.__struct_config__.tag == json.loads(line)["t"]
    definition = f"#/$defs/{side.title()}Frame"
    jsonschema.validate(json.loads(line), {"$ref": definition, "$defs": SCHEMA["$defs"]})


@pytest.mark.parametrize("side", ["client", "server"])
def test_every_frame_has_an_example(side):
    shown = {json.loads(line)["t"] for where, line in EXAMPLES if where == side}
    assert shown == {kind.__struct_config__.tag for kind in get_args(TYPES[side])}


def test_every_close_code_is_on_the_page():
    codes = {value for name, value in vars(protocol.Code).items() if not name.startswith("_")}
    assert {str(code) for code in codes} <= set(re.findall(r"\d{4}", PAGE))


def test_the_schema_is_that_of_the_types():
    file = CONTRIB / "feed-protocol.schema.json"
    assert file.read_text() == schema_text(), "python -m drena.feed.schema > contrib/feed-protocol.schema.json"


def test_what_is_no_frame_is_none_by_the_schema_either():
    for wrong in ({"t": "hello", "tenants": "some"}, {"t": "run", "ref": ""}, {"t": "nothing"}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, {"$ref": "#/$defs/ClientFrame", "$defs": SCHEMA["$defs"]})
