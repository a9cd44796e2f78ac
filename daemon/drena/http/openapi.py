"""The OpenAPI 3.1 document, out of the operations and the types they are made of. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena.http.answers import JSON, PROBLEM, REFUSALS
from drena.http.shapes import ProblemShape
from drena.problems import PROBLEMS, as_json, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drena.http.routing import Operation

EVERYWHERE: Final = ("internal", "shutting_down", "origin_forbidden", "method_not_allowed", *REFUSALS.values())
"""What any request can be answered with."""
WITH_PRINCIPAL: Final = (
    "unauthenticated",
    "token_invalid",
    "token_expired",
    "keys_away",
    "rate_limited",
    "database_away",
)
NOWHERE: Final = ("not_found",)
"""What is answered at addresses that are none of the operations'."""
REF: Final = "#/components/schemas/{name}"
PATH_PARAMETER: Final = re.compile(r"\{(\w+)(:path)?\}")


def openapi(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """The document, ready for JSON."""
    types = [kind for operation in operations for kind in _types_of(operation)]
    shapes, components = msgspec.json.schema_components([*types, ProblemShape], ref_template=REF)
    schemas = dict(zip(map(_key, types), shapes, strict=False))
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    shared = _Shared()
    for operation in operations:
        path = PATH_PARAMETER.sub(r"{\1}", operation.path)
        paths[path][operation.method.lower()] = _operation(operation, schemas, shared)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Drena",
            "version": version,
            "description": "Runs the integrations of many tenants. Errors are RFC 9457 problem details with stable "
            "codes, in Portuguese, or in English by `Accept-Language`; `GET /problems/{code}` explains each.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": dict(paths),
        "components": {
            "schemas": components,
            "responses": shared.responses,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A user's JWT, or a service token of `drena token`.",
                }
            },
            "examples": {code: {"value": as_json(problem(code, lang="en"), "0" * 32)} for code in PROBLEMS},
        },
    }


def problems_of(operation: Operation) -> list[str]:
    """Every code an operation can be answered with."""
    entered = () if operation.public else WITH_PRINCIPAL
    limited = ("rate_limited",) if not operation.free else ()
    return list(dict.fromkeys((*operation.problems, *entered, *limited, *EVERYWHERE)))


def _types_of(operation: Operation) -> list[Any]:
    answers = [kind for kind in operation.answers.values() if kind is not None and not isinstance(kind, str)]
    return [*answers, *([operation.body] if operation.body else []), *([operation.query] if operation.query else [])]


def _key(kind: Any) -> str:
    return str(kind)


def _operation(operation: Operation, schemas: dict[str, Any], shared: _Shared) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _answers(operation, schemas, problems_of(operation), shared),
    }
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas[_key(operation.body)]}}}
    if operation.public:
        told["security"] = []
    return told


def _path_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name, _whole in PATH_PARAMETER.findall(operation.path):
        schema = {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    if operation.query is None:
        return
    (_ref,), components = msgspec.json.schema_components([operation.query], ref_template=REF)
    shape = components[operation.query.__name__]
    for name, schema in shape["properties"].items():
        schema = {key: value for key, value in schema.items() if not (key == "default" and value in (None, []))}
        if "anyOf" in schema:  # a query cannot say null
            options = [option for option in schema.pop("anyOf") if option != {"type": "null"}]
            schema |= options[0]
        told: dict[str, Any] = {"name": name, "in": "query", "schema": schema}
        if (description := schema.pop("description", None)) is not None:
            told["description"] = description
        if name in shape.get("required", []):
            told["required"] = True
        yield told


def _header_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name, description in operation.headers.items():
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}
        yield {"name": name, "in": "header", "description": description, "schema": schema}


def _answers(operation: Operation, schemas: dict[str, Any], codes: Iterable[str], shared: _Shared) -> dict[str, Any]:
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[PROBLEMS[code].status].append(code)
    told: dict[str, Any] = {
        str(status): shared.reference(status, found)
        for status, found in sorted(by_status.items())
        if status not in operation.answers
    }
    for status, kind in operation.answers.items():
        problem_too = _problem(status, by_status[status]) if status in by_status else {"content": {}}
        content = problem_too["content"]
        if isinstance(kind, str):
            content[kind] = {}
        elif kind is not None:
            content[JSON] = {"schema": schemas[_key(kind)]}
        if operation.name == "explainProblem":
            content["text/plain"] = {"schema": {"type": "string"}}
        told[str(status)] = {"description": HTTPStatus(status).phrase} | ({"content": content} if content else {})
    return told


class _Shared:
    """Answers with the same codes stand in the document once."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {}
        self._names: dict[tuple[int, tuple[str, ...]], str] = {}

    def reference(self, status: int, codes: list[str]) -> dict[str, str]:
        """A reference to the answer with this status and these codes."""
        key = (status, tuple(codes))
        if key not in self._names:
            self._names[key] = codes[0] if len(codes) == 1 else f"problem_{status}_{len(self._names)}"
            self.responses[self._names[key]] = _problem(status, codes)
        return {"$ref": f"#/components/responses/{self._names[key]}"}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    shape = {
        "allOf": [{"$ref": REF.format(name=ProblemShape.__name__)}],
        "properties": {"code": {"enum": codes}, "status": {"const": status}},
    }
    return {
        "description": "; ".join(f"`{code}`: {PROBLEMS[code].title.en}" for code in codes),
        "content": {
            PROBLEM: {
                "schema": shape,
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }
