"""dlt's way: its REST source, merged into PostgreSQL by primary key. Run by `sync.py` in an environment that has dlt.

    dlt_way.py URL TOKEN DSN STATE_DIR

Prints one line of JSON when done: seconds inside `run`.
"""

from __future__ import annotations

import json
import sys
import time

import dlt
from dlt.sources.rest_api import rest_api_source

FLAGS = ("obligations", "contacts", "departments", "registrationData", "stateRegistrations")


def main(url: str, token: str, dsn: str, state: str) -> None:
    source = rest_api_source(
        {
            "client": {
                "base_url": url,
                "auth": {"type": "bearer", "token": token},
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "Pagina",
                    "total_path": None,
                    "stop_after_empty_page": True,
                },
            },
            "resources": [
                {
                    "name": "companies",
                    "primary_key": "ID",
                    "write_disposition": "merge",
                    "endpoint": {"path": "companies/ListAll", "params": dict.fromkeys(FLAGS, ""), "data_selector": "$"},
                }
            ],
        }
    )
    dsn = dsn.replace("postgres@", "postgres:unused@")  # it insists on a password
    source.max_table_nesting = 0  # nested lists stay one JSON column each, as Drena keeps the payload
    pipeline = dlt.pipeline(
        "companies",
        destination=dlt.destinations.postgres(dsn),
        dataset_name="dlt_office",
        pipelines_dir=state,
    )
    began_s = time.perf_counter()
    pipeline.run(source)
    print(json.dumps({"wall_s": time.perf_counter() - began_s}))


main(*sys.argv[1:])
