"""The process: one line when it listens, one sentence when it cannot, and no way to outlive its welcome."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import trio

from fake_acessorias.cli import main

START = [sys.executable, "-m", "fake_acessorias"]


@pytest.fixture
async def start(nursery):
    """Return a function that starts the fake and waits for its line; what still runs at the end is killed."""
    running = []

    async def started(*options, **more):
        process = await trio.lowlevel.open_process(
            [*START, *options], stdout=subprocess.PIPE, **{"stdin": subprocess.DEVNULL, **more}
        )
        running.append(process)
        return process, json.loads(await line_of(process))

    yield started
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await process.stdout.aclose()


async def line_of(process):
    line = b""
    while not line.endswith(b"\n"):
        chunk = await process.stdout.receive_some()
        assert chunk, "it ended without a line"
        line += chunk
    return line


@pytest.fixture
def fails(monkeypatch, capsys):
    """Return a function that runs the command in this process and returns exit code and stderr."""

    def failed(*options):
        monkeypatch.setattr(sys, "argv", ["fake-acessorias", *options])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert said.out == ""
        return end.value.code, said.err

    return failed


async def ask(url, path, token="t"):
    host, port = url.removeprefix("http://").split(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        await stream.send_all(head.encode())
        found = b"".join([chunk async for chunk in stream])
    head, _, body = found.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_it_says_where_it_listens_and_answers_there(start):
    process, hello = await start("--office", "t=25", "--office", "u=3")
    assert hello == {"url": hello["url"], "pid": process.pid}
    status, body = await ask(hello["url"], "/companies/ListAll?Pagina=2")
    assert (status, len(json.loads(body))) == (200, 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_at_once_with_exit_code_0(start, number):
    process, hello = await start("--office", "t=3", "--knob", "latency_ms=60000")
    async with await trio.open_tcp_stream("127.0.0.1", int(hello["url"].rpartition(":")[2])) as stream:
        await stream.send_all(b"GET /companies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n")
        while True:
            if json.loads((await ask(hello["url"], "/_admin/stats"))[1])["in_flight"]:
                break
        process.send_signal(number)
        with trio.fail_after(2):
            assert await process.wait() == 0


async def test_it_ends_when_its_stdin_does(start):
    process, _ = await start("--exit-with-parent", stdin=subprocess.PIPE)
    await process.stdin.aclose()
    with trio.fail_after(5):
        assert await process.wait() == 0


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "fake_acessorias", "--exit-with-parent"], stdin={stdin})
time.sleep(60)
"""


@pytest.mark.parametrize("stdin", ["subprocess.PIPE", "subprocess.DEVNULL"])
async def test_a_killed_parent_takes_it_along(stdin):
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", PARENT.format(stdin=stdin)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    async with process.stdout:
        hello = json.loads(await line_of(process))
        process.kill()
        await process.wait()
        with trio.fail_after(5):  # the fake held the other end of this pipe
            assert await process.stdout.receive_some() == b""
    assert not listening(hello["url"])


def listening(url):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


async def test_knobs_come_from_a_file_and_options_go_before_it(start, tmp_path):
    file = tmp_path / "knobs.toml"
    file.write_text('page_size = 4\nend_of_list = "404"\n[offices.u]\npage_size = 2\n')
    _, hello = await start("--office", "t=25", "--office", "u=3", "--knobs", str(file), "--knob", "end_of_list=204")
    found = [
        await ask(hello["url"], f"/companies/ListAll?Pagina={page}", token)
        for token, page in (("t", 1), ("u", 1), ("t", 9))
    ]
    assert [len(json.loads(body)) for _, body in found[:2]] == [4, 2]
    assert found[2][0] == 204


async def test_a_json_file_of_knobs_will_do_too(start, tmp_path):
    file = tmp_path / "knobs.json"
    file.write_text('{"page_size": 4, "offices": {"t": {"masked": true}}}')
    _, hello = await start("--office", "t=25", "--knobs", str(file))
    rows = json.loads((await ask(hello["url"], "/companies/ListAll"))[1])
    assert [row["Fantasia"] for row in rows] == ["********"] * 4


async def test_the_same_options_give_the_same_bytes(start):
    bodies = []
    for _ in range(2):
        _, hello = await start("--office", "t=45", "--seed", "11")
        bodies.append((await ask(hello["url"], "/companies/ListAll?Pagina=2&obligations&contacts"))[1])
    assert bodies[0] == bodies[1]


async def test_a_port_in_use_is_one_sentence_and_exit_code_1():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [*START, "--port", str(port)]
        found = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    assert (found.returncode, found.stdout) == (1, b"")
    said = f"fake-acessorias: cannot listen on 127.0.0.1 port {port}: the port is in use\n"
    assert found.stderr.decode() == said


@pytest.mark.parametrize(
    "options,words",
    [
        (["--office", "t"], ["'t'", "TOKEN=COMPANIES"]),
        (["--office", "t=x"], ["'t=x'"]),
        (["--office", "t=1", "--office", "t=2"], ["'t'", "twice"]),
        (["--office", "a b=3"], ["'a b=3'"]),
        (["--port", "99999"], ["99999"]),
        (["--port", "x"], ["--port"]),
        (["--prot", "1"], ["--prot"]),
        (["--knob", "fail_next"], ["NAME=VALUE"]),
        (["--knob", "fail_nxt=3"], ["'fail_nxt'", "'fail_next'"]),
        (["--knob", "fail_next=x"], ["'fail_next'", "int"]),
        (["--knobs", "no-such-file.toml"], ["no-such-file.toml"]),
        (["extra"], ["extra"]),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_code_2(fails, options, words):
    code, said = fails(*options)
    assert code == 2
    assert said.startswith("fake-acessorias: ")
    assert said.count("\n") == 1
    assert all(word in said for word in words)


@pytest.mark.parametrize(
    "name,text,words",
    [
        ("knobs.toml", "nope", "knobs.toml"),
        ("knobs.json", "[1]", "must hold knobs"),
        ("knobs.json", '{"offices": 3}', "must hold knobs"),
        ("knobs.json", '{"offices": {"u": {}}}', "'u'"),
        ("knobs.json", '{"offices": {"t": 3}}', "must hold knobs"),
        ("knobs.json", '{"offices": {"t": {"mask": true}}}', "'masked'"),
        ("knobs.json", '{"page_size": 0}', "'page_size'"),
    ],
)
def test_a_wrong_knobs_file_is_one_sentence_and_exit_code_2(fails, tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    code, said = fails("--office", "t=3", "--knobs", str(tmp_path / name))
    assert (code, said.count("\n")) == (2, 1)
    assert words in said


def test_an_address_that_is_not_here_is_one_sentence_and_exit_code_1(fails):
    code, said = fails("--host", "192.0.2.1")
    assert (code, said.count("\n")) == (1, 1)
    assert "cannot listen on 192.0.2.1" in said


async def test_help_and_version_end_well():
    for option in ("--help", "--version"):
        found = await trio.run_process([*START, option], capture_stdout=True, env={**os.environ, "COLUMNS": "100"})
        assert b"fake" in found.stdout
