"""The gateway's proxy, spoken to over its socket, with real servers on this host."""

import contextlib
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deputy.adapters.network import Gateways
from deputy.adapters.network.addresses import is_closed
from deputy.adapters.network.proxy import Bounds
from deputy.adapters.network.tally import MAX_REFUSED
from deputy.domain.errors import BadInput, Unavailable
from deputy.ports import NetworkUse
from tests.support.gateway_servers import dial, echo, exchange, pages, server, tunnel

NOT_LISTED = "it is not in this repository's network list"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "g"


@pytest.fixture
def echoes() -> Iterator[int]:
    with server(echo) as port:
        yield port


def eventually(question: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not question():
        assert time.monotonic() < end, what
        time.sleep(0.02)


# ---------------------------------------------------------------------------------------------------- what goes through


def test_a_tunnel_carries_bytes_both_ways_and_counts_them(home: Path, echoes: int) -> None:
    with Gateways(home, [f"localhost:{echoes}"]).open(["LocalHost."]) as gate:
        client, said = tunnel(gate.folder, f"localhost:{echoes}")
        with client:
            assert said.startswith("HTTP/1.1 200")
            client.sendall(b"x" * 100_000)
            client.shutdown(socket.SHUT_WR)
            got = b""
            while piece := client.recv(65536):
                got += piece
        assert got == b"x" * 100_000
    assert gate.uses() == (NetworkUse("localhost", echoes, connections=1, sent=100_000, received=100_000),)


def test_a_plain_request_names_its_own_host_and_is_the_only_one(home: Path) -> None:
    with server(pages) as port, Gateways(home, [f"localhost:{port}"]).open(["localhost"]) as gate:
        said = exchange(
            gate.folder,
            f"GET http://localhost:{port}/a HTTP/1.1\nHost: other.example\nConnection: keep-alive\n\n"
            f"GET http://localhost:{port}/smuggled HTTP/1.1\n\n",
        )
    assert said.startswith("HTTP/1.1 200 OK")
    assert f"asked: GET /a HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\n" in said
    assert "smuggled" not in said
    assert [(use.connections, use.refused) for use in gate.uses()] == [(1, "")]


def test_no_more_of_a_body_than_was_announced(home: Path) -> None:
    got: list[bytes] = []

    def take(connection: socket.socket) -> None:
        data = b""
        while not data.endswith(b"12345"):
            data += connection.recv(65536)
        connection.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            data += connection.recv(65536)
        got.append(data)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with server(take) as port, Gateways(home, [f"localhost:{port}"]).open(["localhost"]) as gate:
        said = exchange(
            gate.folder, f"POST http://localhost:{port}/ HTTP/1.1\nContent-Length: 5\n\n12345GET /evil HTTP/1.1"
        )
    assert said.startswith("HTTP/1.1 204")
    assert got[0].endswith(b"\r\n\r\n12345")


# ---------------------------------------------------------------------------------------------------- what does not


@pytest.mark.parametrize(
    ("request_line", "status", "host", "port", "why"),
    [
        ("CONNECT evil.example:443", 403, "evil.example", 443, NOT_LISTED),
        ("GET http://evil.example/", 403, "evil.example", 80, NOT_LISTED),
        ("CONNECT pypi.org.evil.example:443", 403, "pypi.org.evil.example", 443, NOT_LISTED),
        ("CONNECT xpypi.org:443", 403, "xpypi.org", 443, NOT_LISTED),
        ("CONNECT localhost:22", 403, "localhost", 22, "only ports 80 and 443 can be reached"),
        ("CONNECT 127.0.0.1:443", 403, "127.0.0.1", 443, "it is an address, and only names can be allowed"),
        ("CONNECT [::1]:443", 403, "[::1]", 443, "it is an address, and only names can be allowed"),
        ("CONNECT 169.254.169.254:80", 403, "169.254.169.254", 80, "it is an address, and only names can be allowed"),
        ("GET http://169.254.169.254/latest/meta-data/", 403, "169.254.169.254", 80,
         "it is an address, and only names can be allowed"),
        ("CONNECT 2130706433:80", 403, "2130706433", 80, "it is an address, and only names can be allowed"),
        ("CONNECT localhost:80", 403, "localhost", 80, "its address is internal"),
        ("GET /etc/passwd", 400, "(no host)", 0, "a proxy wants http://host/path, or CONNECT for everything else"),
    ],
)  # fmt: skip
def test_refusals_are_answered_and_counted(
    home: Path, request_line: str, status: int, host: str, port: int, why: str
) -> None:
    with Gateways(home).open(["pypi.org", "localhost"]) as gate:
        said = exchange(gate.folder, f"{request_line} HTTP/1.1\nHost: pypi.org\n\n")
    assert said.startswith(f"HTTP/1.1 {status} {why}\r\n")
    body = said.partition("\r\n\r\n")[2]
    assert body.count("\n") == 1
    assert why in body
    assert status == 400 or f"{host}:{port} can't be reached from this sandbox" in body
    assert gate.uses() == (NetworkUse(host, port, connections=1, refused=why),)


def test_this_hosts_own_names_are_internal(home: Path) -> None:
    name = socket.gethostname()
    with Gateways(home).open([name]) as gate:
        assert "its address is internal" in exchange(gate.folder, f"CONNECT {name}:443 HTTP/1.1\n\n")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.100.100.200",
     "169.254.169.254", "192.0.0.192", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
     "2002:7f00:1::", "2001:0:1::1", "fc00::1", "fd00:ec2::254",
     "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1"],
)  # fmt: skip
def test_internal_addresses(address: str) -> None:
    assert is_closed(address)


@pytest.mark.parametrize(
    "address", ["203.0.113.80", "198.51.100.7", "192.0.2.1", "172.32.0.1", "100.128.0.1", "11.0.0.1", "2606:4700::1",
                "::ffff:203.0.113.80", "64:ff9b::cb00:7150"]
)  # fmt: skip
def test_addresses_of_the_world(address: str) -> None:
    assert not is_closed(address)


def test_this_hosts_own_addresses_are_closed_whatever_network_they_are_of() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))  # sends nothing: it only picks the way out
        except OSError:
            pytest.skip("this host has no way out")
        assert is_closed(probe.getsockname()[0])


def test_a_name_without_an_address_and_a_server_that_is_not_there(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Gateways(home, [f"localhost:{port}"]).open(["localhost", "nothing.invalid"]) as gate:
        assert "502 it does not answer" in exchange(gate.folder, f"CONNECT localhost:{port} HTTP/1.1\n\n")
        assert "502 its name has no address" in exchange(gate.folder, "CONNECT nothing.invalid:443 HTTP/1.1\n\n")


# ---------------------------------------------------------------------------------------------------- bounds


def test_a_head_without_end(home: Path) -> None:
    with Gateways(home).open(["pypi.org"]) as gate, dial(gate.folder) as client:
        _pour(client)
        with pytest.raises(OSError):  # noqa: PT011 (broken pipe or reset, whichever is first)
            client.sendall(b"x")
    assert [use.refused for use in gate.uses()] == ["the request's head is too long"]


def test_silence_is_ended_and_does_not_last_as_long_as_the_gateway(home: Path, echoes: int) -> None:
    bounds = Bounds(head_seconds=0.3, idle_seconds=0.3)
    with Gateways(home, [f"localhost:{echoes}"], bounds=bounds).open(["localhost"]) as gate:
        with dial(gate.folder) as silent:
            assert silent.recv(10) == b""
        client, _ = tunnel(gate.folder, f"localhost:{echoes}")
        with client:
            for _ in range(5):  # as long as something moves, it stays
                client.sendall(b"x")
                assert client.recv(1) == b"x"
                time.sleep(0.15)
            assert client.recv(10) == b""


def test_a_long_answer_is_not_silence(home: Path) -> None:
    def drip(connection: socket.socket) -> None:
        for _ in range(6):
            time.sleep(0.15)
            connection.sendall(b"x")

    bounds = Bounds(idle_seconds=0.4)
    with server(drip) as port, Gateways(home, [f"localhost:{port}"], bounds=bounds).open(["localhost"]) as gate:
        client, _ = tunnel(gate.folder, f"localhost:{port}")
        with client:
            assert b"".join(iter(lambda: client.recv(10), b"")) == b"xxxxxx"


def test_a_client_that_never_reads_holds_no_memory_and_is_ended(home: Path) -> None:
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        while True:
            sent += connection.send(b"x" * 65536)

    bounds = Bounds(idle_seconds=0.5)
    with server(pour) as port, Gateways(home, [f"localhost:{port}"], bounds=bounds).open(["localhost"]) as gate:
        client, _ = tunnel(gate.folder, f"localhost:{port}")
        with client:
            time.sleep(1.5)
            assert sum(use.received for use in gate.uses()) < 2_000_000
            settled = sent
            time.sleep(0.5)
            assert sent == settled
            received = 0
            while piece := client.recv(65536):
                received += len(piece)
            assert received < 2_000_000


def test_more_connections_than_there_may_be_wait_for_a_place(home: Path, echoes: int) -> None:
    bounds = Bounds(connections=3)
    with Gateways(home, [f"localhost:{echoes}"], bounds=bounds).open(["localhost"]) as gate:
        held = [tunnel(gate.folder, f"localhost:{echoes}")[0] for _ in range(3)]
        with dial(gate.folder, 0.5) as fourth:
            fourth.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")
            with pytest.raises(TimeoutError):
                fourth.recv(100)
            held.pop().close()
            fourth.settimeout(20)
            assert fourth.recv(100).startswith(b"HTTP/1.1 403")
        for client in held:
            client.close()


@pytest.mark.parametrize("bounds", [Bounds(sent=1_000_000), Bounds(received=1_000_000)])
def test_more_bytes_than_may_be_moved(home: Path, echoes: int, bounds: Bounds) -> None:
    with Gateways(home, [f"localhost:{echoes}"], bounds=bounds).open(["localhost"]) as gate:
        client, _ = tunnel(gate.folder, f"localhost:{echoes}")
        got = b""
        with client:
            threading.Thread(target=_pour, args=(client,), daemon=True).start()
            try:
                while piece := client.recv(65536):
                    got += piece
            except OSError:
                pass
        assert set(got) <= {ord("x")}  # nothing of the gateway's own is mixed in
        assert "503 the run has moved as many bytes" in exchange(
            gate.folder, f"CONNECT localhost:{echoes} HTTP/1.1\n\n"
        )
    refused = [use for use in gate.uses() if use.refused]
    assert [use.connections for use in refused] == [2]
    assert max(use.received for use in gate.uses()) < 1_300_000


def _pour(client: socket.socket) -> None:
    try:
        for _ in range(1000):
            client.sendall(b"x" * 65536)
    except OSError:
        pass


def test_made_up_names_do_not_fill_the_trail_and_hide_nothing(home: Path, echoes: int) -> None:
    with Gateways(home, [f"localhost:{echoes}"]).open(["localhost"]) as gate:
        for number in range(MAX_REFUSED + 20):
            exchange(gate.folder, f"CONNECT h{number}.example:443 HTTP/1.1\n\n")
        client, _ = tunnel(gate.folder, f"localhost:{echoes}")
        with client:
            client.sendall(b"x" * 100)
            assert client.recv(100, socket.MSG_WAITALL) == b"x" * 100
    uses = gate.uses()
    assert len(uses) == MAX_REFUSED + 2
    assert uses[0] == NetworkUse("(other hosts)", 0, connections=20, refused=NOT_LISTED)
    assert uses[-1] == NetworkUse("localhost", echoes, connections=1, sent=100, received=100)


# ---------------------------------------------------------------------------------------------------- who has gone


def test_a_tunnel_ends_with_its_client_though_its_server_is_silent(home: Path) -> None:
    over = threading.Event()
    with (
        server(lambda _: over.wait(20) and None) as port,
        Gateways(home, [f"localhost:{port}"], bounds=Bounds(connections=1)).open(["localhost"]) as gate,
    ):
        tunnel(gate.folder, f"localhost:{port}")[0].close()
        with dial(gate.folder, 10) as client:  # the only place is free again
            client.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 403")
        with dial(gate.folder) as client:
            client.sendall(f"POST http://localhost:{port}/ HTTP/1.1\r\nContent-Length: 5\r\n\r\n12".encode())
        with dial(gate.folder, 10) as client:
            client.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 403")
        over.set()


def test_a_client_that_only_ended_its_sending_gets_its_answer(home: Path) -> None:
    bounds = Bounds(last_seconds=0.2)

    def slow(connection: socket.socket) -> None:
        while connection.recv(100):
            pass
        time.sleep(1)
        connection.sendall(b"late")

    with server(slow) as port, Gateways(home, [f"localhost:{port}"], bounds=bounds).open(["localhost"]) as gate:
        client, _ = tunnel(gate.folder, f"localhost:{port}")
        with client:
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b"late"


def test_what_was_sent_before_leaving_still_arrives(home: Path) -> None:
    got: list[int] = []
    has_left = threading.Event()

    def late(connection: socket.socket) -> None:
        has_left.wait(20)
        time.sleep(0.1)
        size = 0
        while piece := connection.recv(65536):
            size += len(piece)
        got.append(size)

    with server(late) as port, Gateways(home, [f"localhost:{port}"]).open(["localhost"]) as gate:
        client, _ = tunnel(gate.folder, f"localhost:{port}")
        sent = 0
        with client:
            client.settimeout(0.5)
            with contextlib.suppress(TimeoutError):  # until every buffer on the way is full
                while True:
                    sent += client.send(b"x" * 65536)
        has_left.set()
        eventually(lambda: bool(got), "the last bytes")
    assert got == [sent]


# ---------------------------------------------------------------------------------------------------- opening, leaving


def test_nothing_is_left_when_it_is_closed(home: Path, echoes: int) -> None:
    before = set(threading.enumerate())
    with Gateways(home, [f"localhost:{echoes}"]).open(["localhost"]) as gate:
        place = Path(gate.folder)
        assert stat.S_IMODE(place.stat().st_mode) == 0o755
        assert stat.S_IMODE((place / "gateway.sock").stat().st_mode) == 0o666
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert [entry.name for entry in place.iterdir()] == ["gateway.sock"]
        client, _ = tunnel(gate.folder, f"localhost:{echoes}")
        waiting = dial(gate.folder)
    assert client.recv(10) == b""
    with contextlib.suppress(ConnectionResetError):
        assert waiting.recv(10) == b""
    client.close()
    waiting.close()
    assert list(home.iterdir()) == []
    ours = [thread for thread in threading.enumerate() if thread not in before and "gateway" in thread.name]
    eventually(lambda: not any(thread.is_alive() for thread in ours), "the gateway's threads to end")


def test_two_at_once_have_their_own_hosts(home: Path) -> None:
    gateways = Gateways(home)
    with gateways.open(["a.invalid"]) as one, gateways.open(["b.invalid"]) as other:
        assert one.folder != other.folder
        assert "502" in exchange(one.folder, "CONNECT a.invalid:443 HTTP/1.1\n\n")
        assert "403" in exchange(other.folder, "CONNECT a.invalid:443 HTTP/1.1\n\n")


HOLDER = """
import sys, time
from pathlib import Path
from deputy.adapters.network import Gateways
with Gateways(Path(sys.argv[1])).open([]) as gate:
    print(gate.folder, flush=True)
    time.sleep(60)
"""


def test_what_a_crashed_process_left_is_removed_and_nothing_else(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(home)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        left = Path(holder.stdout.readline().strip())
        with Gateways(home).open([]) as gate:
            Gateways(home)
            assert left.is_dir()  # its process is alive
            holder.send_signal(signal.SIGKILL)
            holder.wait()
            Gateways(home)
            assert not left.exists()
            assert Path(gate.folder).is_dir()
            assert "403" in exchange(gate.folder, "CONNECT a.example:443 HTTP/1.1\n\n")
    assert list(home.iterdir()) == []


def test_a_home_whose_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 30) / "gateways"
    with Gateways(home).open([]) as gate:
        assert len(gate.folder) < 90
        assert "403" in exchange(gate.folder, "CONNECT a.example:443 HTTP/1.1\n\n")
        base = Path(gate.folder).parent
    assert list(base.iterdir()) == []
    base.rmdir()
    base.symlink_to(tmp_path)  # somebody else was there first
    try:
        with pytest.raises(Unavailable, match="not a folder of this user"):
            Gateways(home)
    finally:
        base.unlink()


def test_a_missing_home_is_reported(home: Path) -> None:
    gateways = Gateways(home)
    home.rmdir()
    with pytest.raises(Unavailable, match="Can't open a gateway: No such file"), gateways.open([]):
        pass


def test_a_place_that_can_not_be_made_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateways = Gateways(home)
    monkeypatch.setattr("secrets.token_hex", lambda _: "taken")
    (home / "taken").write_text("no folder can be made here", encoding="utf-8")
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(2):  # the second time finds it unlocked
        with pytest.raises(Unavailable, match="File exists"), gateways.open([]):
            pass
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert not (home / "taken.lock").exists()


def test_hosts_that_are_none(home: Path) -> None:
    with pytest.raises(BadInput, match=r"10\.0\.0\.1"), Gateways(home).open(["10.0.0.1"]):
        pass
    assert list(home.iterdir()) == []
