"""The POST routes, in a plain form."""

import msgspec
import pytest

from fake_acessorias import documents

FORM = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--xyz\r\nContent-Disposition: form-data; name="Descricao"\r\n\r\nGuia de agosto\r\n'
    b'--xyz\r\nContent-Disposition: form-data; name="arquivo"; filename="guia.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n%PDF\x00\xff\r\n--xyz--\r\n"
)


def post(desk, path, body, content_type=FORM):
    found = desk.ask("POST", path, body=body, content_type=content_type)
    assert found.status == 200
    return msgspec.json.decode(found.body)


def test_a_new_company_is_created_and_listed(desk):
    answer = post(desk, "/companies", b"Identificador=12.ABC.345/01DE-35&Razao=NOVA+ALFA+LTDA&UF=SP&foo=1")
    found = desk.rows("/companies/12ABC34501DE35?contacts")
    assert found["ID"] == answer["ID"]
    assert (found["Razao"], found["Status"], found["ContatosNaEmpresa"]) == ("NOVA ALFA LTDA", "Ativa", [])
    assert found["DtLastDH"] == "2026-11-20 10:30:00"


def test_a_known_company_is_changed(desk):
    row = desk.truth[2]
    body = f"Identificador={documents.bare(row['Identificador'])}&Razao=OUTRA".encode()
    assert post(desk, "/companies", body) == {"ID": row["ID"], "Identificador": row["Identificador"]}
    assert desk.truth[2]["Razao"] == "OUTRA"
    assert len(desk.truth) == 65


@pytest.mark.parametrize(
    "path,body",
    [
        ("/companies", b"Razao=X"),
        ("/companies", b""),
        ("/contacts/11222333000181", b"Nome=Ana"),
        ("/requests", b""),
        ("/econtinuo", b""),
    ],
)
def test_a_business_error_is_200_with_erro(desk, path, body):
    assert list(post(desk, path, body)) == ["Erro"]


def test_a_contact_is_added(desk):
    row = desk.truth[1]
    path = f"/contacts/{documents.bare(row['Identificador'])}"
    post(desk, path, "Nome=João+Teste&E-mail=joao@example.com&Celular=11".encode())
    assert desk.truth[1]["ContatosNaEmpresa"][-1] == {
        "Nome": "João Teste",
        "E-mail": "joao@example.com",
        "Celular": "11",
    }


def test_the_same_request_twice_opens_two(desk):
    opened = [post(desk, "/requests", b"SolAssunto=Segunda+via") for _ in range(2)]
    assert [one["SolID"] for one in opened] == ["62", "63"]
    assert len(desk.rows("/requests/ListAll?Pagina=4")) == 3


def test_a_multipart_upload_is_taken_in(desk):
    assert post(desk, "/econtinuo", MULTIPART, "multipart/form-data; boundary=xyz") == {"Protocolo": "1"}
    assert desk.source.offices["tok"].posted == [{"Descricao": "Guia de agosto", "arquivo": "guia.pdf"}]


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=abc", "text/plain"])
def test_a_body_that_is_no_form_is_a_business_error(desk, content_type):
    assert list(post(desk, "/companies", b"\xff\x00--nope", content_type)) == ["Erro"]
