"""The mistakes of the old edge functions, replayed: the fake must make them fail the way they failed.

The old sync asked for ``?page=N`` and read ``cnpj``, ``cpf``, ``razaoSocial``. This API knows ``Pagina``,
``Identificador``, ``Razao`` and ignores what it does not know: so page 1 came back for ever, every row was "skipped",
and the run ended as ``success``.
"""

import hashlib
import json
import re
from dataclasses import dataclass

import pytest

from fake_acessorias.documents import bare

PAGE_CAP = 40
"""The old client had none; this test must end."""


@dataclass
class Outcome:
    """What the old sync wrote down about a run."""

    status: str = "running"
    pages: int = 0
    read: int = 0
    upserted: int = 0
    skipped: int = 0


async def old_sync(client, table, *, key="cnpj"):
    """Read companies the way the old function did, mistakes included."""
    outcome, page = Outcome(), 1
    while outcome.pages < PAGE_CAP:
        answer = await client.get("/companies/ListAll", params={"page": page, "limit": 100})
        if answer.status_code >= 400:
            break  # an error in the middle was taken for the end
        rows = answer.json()  # a 204 has nothing to parse
        if not rows:
            break
        outcome.pages, page = outcome.pages + 1, page + 1
        for row in rows:
            outcome.read += 1
            document = re.sub(r"\D", "", row.get(key) or row.get("cpf") or "")
            if not document:
                outcome.skipped += 1
                continue
            table[document] = row
            outcome.upserted += 1
    outcome.status = "success"
    return outcome


def old_hash(row):
    """Hash only what is no list and no object."""
    flat = {name: value for name, value in row.items() if not isinstance(value, (list, dict))}
    return hashlib.sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()


async def test_page_one_for_ever_everything_skipped_success(open_fake):
    fake, table = await open_fake(size=301), {}
    async with fake.client() as client:
        outcome = await old_sync(client, table)
    assert outcome == Outcome(status="success", pages=PAGE_CAP, read=20 * PAGE_CAP, upserted=0, skipped=20 * PAGE_CAP)
    assert table == {}


async def test_the_twenty_rows_it_read_were_the_same_every_time(open_fake):
    fake = await open_fake(size=301)
    async with fake.client() as client:
        bodies = {(await client.get("/companies/ListAll", params={"page": n})).content for n in range(1, 10)}
    assert len(bodies) == 1


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
async def test_an_error_in_the_middle_ended_as_success(fake, status):
    async with fake.client() as client:
        await client.get("/companies/ListAll")
        fake.set(fail_every=3, fail_status=status)
        outcome = await old_sync(client, {})
    assert outcome == Outcome(status="success", pages=2, read=40, skipped=40)


async def test_silent_throttling_ended_as_success(fake):
    fake.set(requests_per_minute=2, throttle_silently=True)
    async with fake.client() as client:
        assert (await old_sync(client, {})).status == "success"


async def test_a_204_crashed_the_json_parser(open_fake):
    fake = await open_fake(size=0, knobs={"end_of_list": "204"})
    async with fake.client() as client:
        with pytest.raises(json.JSONDecodeError):
            await old_sync(client, {})


async def test_digits_only_destroys_alphanumeric_documents(fake):
    table = {}
    async with fake.client() as client:
        outcome = await old_sync(client, table, key="Identificador")
    truth = {bare(company.record["Identificador"]) for company in fake.source.offices["tok"].companies[:20]}
    invented = table.keys() - truth  # three letters less, and a CNPJ even looks like a CPF
    assert outcome.upserted == 20 * PAGE_CAP
    assert len(invented) == sum(not document.isdigit() for document in truth) > 0


async def test_a_shallow_hash_sees_no_nested_change(fake):
    target = "/companies/ListAll?contacts"
    async with fake.client() as client:
        before = (await client.get(target)).json()
        moment = before[0].get("DtLastDH")
        office = fake.source.offices["tok"]
        contacts = [{"Nome": "Outra", "E-mail": "outra@example.com", "Celular": "0"}]
        office.edit(office.companies[0], {"ContatosNaEmpresa": contacts, "DtLastDH": moment}, "")
        after = (await client.get(target)).json()
    assert after[0] != before[0]
    assert old_hash(after[0]) == old_hash(before[0])
