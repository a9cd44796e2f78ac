"""The OpenAPI document says all there is, and nothing else."""

from __future__ import annotations

import re

import jsonschema
import msgspec
import pytest
from starlette.routing import Route

from drena import __version__
from drena.config import Http
from drena.http.app import all_operations
from drena.http.openapi import NOWHERE, openapi, problems_of
from drena.http.routing import Gatekeeper, make_router
from drena.problems import PROBLEMS


@pytest.fixture(scope="module")
def operations():
    return all_operations(Http())


@pytest.fixture(scope="module")
def document(operations):
    return msgspec.json.decode(msgspec.json.encode(openapi(operations, __version__)))


def shown(path):
    return re.sub(r"\{(\w+):path\}", r"{\1}", path)


def test_every_route_is_in_the_document_and_no_other(operations, document):
    router = make_router(operations, Gatekeeper(Http()))
    served = {shown(route.path) for route in router.routes if isinstance(route, Route)}
    assert served == document["paths"].keys()
    assert {(o.method.lower(), shown(o.path)) for o in operations} == {
        (method, path) for path, found in document["paths"].items() for method in found
    }


def test_every_problem_is_in_the_document(operations, document):
    told = {code for operation in operations for code in problems_of(operation)}
    assert told | set(NOWHERE) == PROBLEMS.keys()
    assert document["components"]["examples"].keys() == PROBLEMS.keys()
    enums = re.findall(r'"enum":\[([^\]]*)\]', msgspec.json.encode(document).decode())
    assert {code for enum in enums for code in re.findall(r'"(\w+)"', enum)} >= told


def test_every_operation_has_a_name_and_words(operations, document):
    names = [operation.name for operation in operations]
    assert len(set(names)) == len(names)
    for path, found in document["paths"].items():
        for operation in found.values():
            assert operation["summary"].endswith("."), path
            assert set(re.findall(r"\{(\w+)\}", path)) == {
                p["name"] for p in operation["parameters"] if p["in"] == "path"
            }


def test_every_reference_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(document).decode())):
        at = document
        for part in reference.split("/"):
            at = at[part]


def test_every_schema_is_one_and_every_example_fits(document):
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    shape = {"$ref": "#/components/schemas/ProblemShape", "components": document["components"]}
    for example in document["components"]["examples"].values():
        jsonschema.Draft202012Validator(shape).validate(example["value"])


def test_what_needs_no_token_says_so(operations, document):
    for operation in operations:
        told = document["paths"][shown(operation.path)][operation.method.lower()]
        assert (told.get("security") == []) is operation.public


async def test_the_daemon_serves_this_document(api, document):
    answer = await api.get("/v1/openapi.json", headers={"authorization": ""})
    assert answer.json() == document
