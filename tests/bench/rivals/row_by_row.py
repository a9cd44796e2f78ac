"""The old system's way: for each company one query for its row, then one insert or update, each a transaction.

    row_by_row.py URL TOKEN DSN TENANT

Prints one line of JSON when done: seconds of the work. It runs where dlt runs, for its driver and its HTTP client.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

import psycopg2
import requests

FLAGS = "obligations&contacts&departments&registrationData&stateRegistrations"
FIND = """
select id, hash_payload from empresas
where organizacao_id = %s and upper(regexp_replace(cnpj, '[^0-9A-Za-z]', '', 'g')) = %s
"""
ADD = """
insert into empresas (organizacao_id, nome, cnpj, external_source, external_key, raw_payload, hash_payload, synced_at)
values (%s, %s, %s, 'row_by_row', %s, %s, %s, now())
"""
CHANGE = "update empresas set nome = %s, raw_payload = %s, hash_payload = %s, synced_at = now() where id = %s"


def main(url: str, token: str, dsn: str, tenant: str) -> None:
    began_s, page = time.perf_counter(), 1
    session = requests.Session()
    session.trust_env = False
    with psycopg2.connect(dsn) as conn:
        conn.autocommit = True
        cursor = conn.cursor()
        while rows := ask(session, url, token, page):
            for row in rows:
                write(cursor, tenant, row)
            page += 1
    print(json.dumps({"wall_s": time.perf_counter() - began_s}))


def ask(session: requests.Session, url: str, token: str, page: int) -> list[dict[str, str]]:
    """One page."""
    answer = session.get(
        f"{url}/companies/ListAll?{FLAGS}&Pagina={page}", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    answer.raise_for_status()
    return answer.json()


def write(cursor: psycopg2.extensions.cursor, tenant: str, row: dict[str, str]) -> None:
    """One company."""
    text = json.dumps(row, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    document = "".join(filter(str.isalnum, row["Identificador"])).upper()
    cursor.execute(FIND, (tenant, document))
    found = cursor.fetchone()
    if found is None:
        cursor.execute(ADD, (tenant, row["Razao"], row["Identificador"], row["ID"], text, digest))
    elif found[1] != digest:
        cursor.execute(CHANGE, (row["Razao"], text, digest, found[0]))


main(*sys.argv[1:])
