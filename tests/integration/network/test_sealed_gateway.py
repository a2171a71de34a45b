"""A sealed sandbox with a gateway: allowed hosts are reached and nothing else, and no command can break its channel."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.api.client import APIClient

from deputy.adapters.network import Gateways
from deputy.adapters.network.proxy import Bounds
from deputy.adapters.sandbox.engine.engine import DockerEngine
from deputy.adapters.sandbox.engine.gateway import environment, refuse_remote
from deputy.adapters.sandbox.environments.builder import Builders
from deputy.adapters.sandbox.guest.relay import MAX_CONNECTIONS
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.adapters.sandbox.host.guest_process import OWN_PYTHON
from deputy.domain.errors import Unavailable
from deputy.ports import Sandbox, SandboxLimits, SandboxSpec
from tests.support.gateway_servers import echo, pages, server, tunnel
from tests.support.tls import hello

pytestmark = pytest.mark.docker

IMAGE = "deputy-sandbox:latest"

LIMITS = SandboxLimits(memory=512 * 1024**2, cpus=1.0, processes=128, disk=64 * 1024**2, seconds=300)


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner="test-gateway")
    yield made
    made.sweep(lambda _: False)


def spec(purpose: str, gateway: str = "") -> SandboxSpec:
    return SandboxSpec(f"deputy-D-GATEWAY0-{purpose}", "D-GATEWAY0", "", {}, limits=LIMITS, gateway=gateway)


def python(sandbox: Sandbox, code: str, timeout: float = 60) -> str:
    return sandbox.run(["python3", "-c", code], timeout=timeout).output.decode("utf-8", "replace")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "g"


FETCH = """
import os, sys, urllib.request, urllib.error
os.environ.pop("NO_PROXY"), os.environ.pop("no_proxy")  # the allowed host of these tests is called localhost
def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=20).read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except OSError as error:
        return f"SHUT {error}"
"""


# ---------------------------------------------------------------------------------------------------- in and out


def test_only_the_allowed_host_is_reached_and_everything_else_is_refused_and_recorded(
    sandboxes: DockerSandboxes, home: Path
) -> None:
    with (
        server(pages) as port,
        Gateways(home, [f"localhost:{port}"]).open(["localhost"]) as gate,
        sandboxes.start(spec("reach", gate.folder)) as sandbox,
    ):
        said = python(sandbox, f"{FETCH}\nprint(fetch('http://localhost:{port}/page'))")
        assert "asked: GET /page HTTP/1.1" in said
        attempts = {
            "http://forbidden.example/": "403 forbidden.example:80 can't be reached from this sandbox",
            "https://forbidden.example/": "SHUT",  # the tunnel's refusal has no page
            "http://localhost:8080/": "only ports 80 and 443",
            "http://127.0.0.1:80/": "only names can be allowed",
            "http://169.254.169.254/latest/meta-data/": "only names can be allowed",
            "https://127.0.0.1/": "SHUT",
            "https://169.254.169.254/": "SHUT",
        }
        for url, answer in attempts.items():
            assert answer in python(sandbox, f"{FETCH}\nprint(fetch({url!r}))"), url
        for code in (
            "socket.getaddrinfo('localhost.example', 80)",
            "socket.create_connection(('192.0.2.1', 443), timeout=3)",
            f"socket.create_connection(('127.0.0.1', {port}), timeout=3)",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.53', 53))",
        ):
            tried = f"import socket\ntry:\n    {code}\nexcept OSError: print('SHUT')\nelse: print('OPEN')"
            assert python(sandbox, tried) == "SHUT\n", code
    uses = {(use.host, use.port): use for use in gate.uses()}
    assert uses.pop(("localhost", port)).refused == ""
    assert all(use.refused for use in uses.values())
    assert set(uses) == {
        ("forbidden.example", 80),
        ("forbidden.example", 443),
        ("localhost", 8080),
        ("127.0.0.1", 80),
        ("127.0.0.1", 443),
        ("169.254.169.254", 80),
        ("169.254.169.254", 443),
    }


def test_without_a_gateway_nothing_of_it_is_there(sandboxes: DockerSandboxes) -> None:
    with sandboxes.start(spec("none")) as sandbox:
        assert "proxy" not in sandbox.run(["env"]).output.decode().lower()
        assert sandbox.run(["ls", "/run/deputy"]).exit_code != 0
        said = python(sandbox, "import socket\nprint(socket.socket().connect_ex(('127.0.0.1', 3128)))")
        assert said == "111\n"  # refused
        assert sandbox.run(["sh", "-c", "cat /proc/net/dev | tail -n +3 | cut -d: -f1"]).output.split() == [b"lo"]


def test_the_socket_and_its_folder_can_not_be_changed_from_inside(sandboxes: DockerSandboxes, home: Path) -> None:
    with Gateways(home).open([]) as gate, sandboxes.start(spec("folder", gate.folder)) as sandbox:
        for command in ("rm /run/deputy/gateway.sock", "touch /run/deputy/x", "chmod 600 /run/deputy/gateway.sock"):
            assert sandbox.run(["sh", "-c", command]).exit_code != 0, command
        assert [entry.name for entry in Path(gate.folder).iterdir()] == ["gateway.sock"]


def test_nothing_stays_open_when_a_command_has_ended(sandboxes: DockerSandboxes, home: Path) -> None:
    ended: list[float] = []

    def hold(connection: object) -> None:
        echo(connection)  # type: ignore[arg-type]
        ended.append(time.monotonic())

    with (
        server(hold) as port,
        Gateways(home, [f"localhost:{port}"]).open(["localhost"]) as gate,
        sandboxes.start(spec("ended", gate.folder)) as sandbox,
    ):
        code = OPEN.format(port=port) + "c = tunnel()\nif os.fork() == 0:\n    time.sleep(600)"
        assert sandbox.run(["python3", "-c", code]).exit_code == 0
        end = time.monotonic() + 10
        while not ended:
            assert time.monotonic() < end
            time.sleep(0.02)
        established = "grep -cE ':[0-9A-F]{4} 01 ' /proc/net/tcp"
        assert sandbox.run(["sh", "-c", established]).output == b"0\n"


OPEN = """
import os, socket, sys, threading, time
def tunnel():
    c = socket.create_connection(("127.0.0.1", 3128), timeout=30)
    c.sendall(b"CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\n")
    assert b"200" in c.recv(1000)
    return c
"""

# ---------------------------------------------------------------------------------------------------- attacks

ATTACKS = {
    "a thousand connections": """
held = []
for _ in range(1000):
    try:
        c = socket.socket(); c.settimeout(0.01); c.connect(("127.0.0.1", 3128)); held.append(c)
    except OSError: pass
""",
    "half-open connections": """
held = []
for _ in range(60):
    c = socket.create_connection(("127.0.0.1", 3128)); held.append(c)
    c.sendall(b"CONNECT "); c.shutdown(socket.SHUT_WR)
""",
    "an endless request": """
c = socket.create_connection(("127.0.0.1", 3128))
try:
    while True: c.sendall(b"GET http://localhost/ HTTP/1.1\\r\\nX: " + b"x" * 60000)
except OSError: pass
""",
    "endless data both ways": """
def pour(c):
    try:
        while True: c.sendall(b"x" * 65536)
    except OSError: pass
def drink(c):
    try:
        while c.recv(65536): pass
    except OSError: pass
for _ in range(4):
    c = tunnel()
    for act in (pour, drink): threading.Thread(target=act, args=(c,), daemon=True).start()
time.sleep(3)
""",
    "a peer that never reads": """
held = [tunnel() for _ in range(8)]
for c in held:
    c.settimeout(0.2)
    try:
        while True: c.sendall(b"x" * 65536)
    except OSError: pass
""",
    "resets in the middle": """
import struct
for _ in range(200):
    c = socket.create_connection(("127.0.0.1", 3128)); c.sendall(b"CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\n")
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); c.close()
""",
    "hung up on in the middle, with its output closed": """
print("made", flush=True)
null = os.open("/dev/null", os.O_WRONLY); os.dup2(null, 1); os.dup2(null, 2)
def pour():
    for _ in range(100):
        c = socket.create_connection(("127.0.0.1", 3128))
        c.sendall(b"CONNECT forbidden.example:443 HTTP/1.1\\r\\n\\r\\n")
        try:
            while True: c.sendall(b"x" * 1000)
        except OSError: c.close()
pouring = [threading.Thread(target=pour) for _ in range(4)]
for each in pouring: each.start()
for each in pouring: each.join()
""",
    "the port taken from us": """
for address in ("127.0.0.1", "0.0.0.0"):
    c = socket.socket(); c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try: c.bind((address, 3128)); c.listen()
    except OSError: continue
    print("OPEN")
""",
    "the socket without the relay": """
held = []
for _ in range(500):
    c = socket.socket(socket.AF_UNIX); c.setblocking(False)
    try: c.connect("/run/deputy/gateway.sock"); held.append(c)
    except OSError: pass
""",
}


@pytest.fixture(scope="module")
def attacked(sandboxes: DockerSandboxes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, int]]:
    """One sandbox for all attacks: each must leave it usable for the next."""
    home = tmp_path_factory.mktemp("attacked") / "g"
    endless = Bounds(sent=1 << 50, received=1 << 50)
    with (
        server(echo) as port,
        Gateways(home, [f"localhost:{port}"], bounds=endless).open(["localhost"]) as gate,
        sandboxes.start(spec("attacked", gate.folder)) as sandbox,
    ):
        yield sandbox, port


@pytest.mark.parametrize("name", ATTACKS)
def test_no_command_can_break_the_channel_or_the_relay(attacked: tuple[Sandbox, int], name: str) -> None:
    sandbox, port = attacked
    code = OPEN.format(port=port) + ATTACKS[name].replace("{port}", str(port)) + "\nprint('made', flush=True)"
    done = sandbox.run(["python3", "-c", code], timeout=90)
    assert done.output == b"made\n", done.output[-2000:]
    assert done.exit_code == 0
    after = OPEN.format(port=port) + "c = tunnel(); c.sendall(b'still'); print(c.recv(100))"
    assert python(sandbox, after) == "b'still'\n"


WHOLE = """
sent = os.urandom(12_000_000)
c = tunnel()
def send():
    c.sendall(sent); c.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
time.sleep(1)
print(b"".join(iter(lambda: c.recv(1 << 20), b"")) == sent)
"""


def test_every_byte_arrives_though_both_ends_are_slow(attacked: tuple[Sandbox, int]) -> None:
    sandbox, port = attacked
    assert python(sandbox, OPEN.format(port=port) + WHOLE) == "True\n"


MANY = """
held = []
for _ in range(90):
    c = socket.create_connection(("127.0.0.1", 3128)); held.append(c)
    c.sendall(b"CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\n")
time.sleep(2)
print("held", flush=True)
time.sleep(1)
"""


def test_more_connections_than_the_relay_holds_wait(sandboxes: DockerSandboxes, home: Path) -> None:
    bounds = Bounds(connections=200)
    with (
        server(echo) as port,
        Gateways(home, [f"localhost:{port}"], bounds=bounds).open(["localhost"]) as gate,
        sandboxes.start(spec("many", gate.folder)) as sandbox,
    ):
        code = OPEN.format(port=port) + MANY.replace("{port}", str(port))
        held: list[int] = []  # asked in the middle: when they end, the next ones get their places
        sandbox.run(["python3", "-c", code], on_output=lambda _: held.extend(use.connections for use in gate.uses()))
    assert held == [MAX_CONNECTIONS]


SPIN = """
import os, socket, time
c = socket.create_connection(("127.0.0.1", 3128))
c.sendall(b"GET http://localhost:{port}/ HTTP/1.1\\r\\n\\r\\n")
def busy():
    return int(open("/proc/1/schedstat").read().split()[0]) / 1e9
time.sleep(1)
before = busy()
time.sleep(1)
print(busy() - before < 0.05, busy() - before)
"""


def test_waiting_for_a_slow_reader_costs_nothing(sandboxes: DockerSandboxes, home: Path) -> None:
    def much(connection: socket.socket) -> None:
        connection.recv(1000)
        while True:
            connection.sendall(b"x" * 1_000_000)

    with (
        server(much) as port,
        Gateways(home, [f"localhost:{port}"], bounds=Bounds(idle_seconds=0.4)).open(["localhost"]) as gate,
        sandboxes.start(spec("slow", gate.folder)) as sandbox,
    ):
        # The gateway gives up on it, and hangs up while the relay still holds what nobody takes.
        said = python(sandbox, SPIN.replace("{port}", str(port)))
        assert said.startswith("True"), said


def test_a_command_that_floods_is_stopped_in_time_and_its_output_is_kept(attacked: tuple[Sandbox, int]) -> None:
    sandbox, port = attacked
    flood = ATTACKS["endless data both ways"].replace("time.sleep(3)", "print('flooding', flush=True); time.sleep(600)")
    done = sandbox.run(["python3", "-c", OPEN.format(port=port) + flood], timeout=5)
    assert done.timed_out
    assert done.output == b"flooding\n"
    assert sandbox.run(["echo", "in sync"]).output == b"in sync\n"


# ---------------------------------------------------------------------------------------------------- where it can't be


def test_a_socket_without_a_gateway_is_reported_and_nothing_is_left(sandboxes: DockerSandboxes, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "gateway.sock"))
    tmp_path.chmod(0o755)
    with pytest.raises(Unavailable, match="nobody answers at its socket inside the sandbox"):
        sandboxes.start(spec("stale", str(tmp_path)))
    assert not any(name.endswith("stale") for name in sandboxes.remaining("D-GATEWAY0"))


def test_an_engine_that_does_not_see_our_files(sandboxes: DockerSandboxes, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not see the folder"):
        sandboxes.start(spec("elsewhere", str(tmp_path / "not-there")))


def test_an_engine_on_another_machine() -> None:
    api = APIClient(base_url="tcp://engine.example:2376", version="1.41")
    refuse_remote(api, "")
    with pytest.raises(Unavailable, match="on another machine") as caught:
        refuse_remote(api, "/some/folder")
    assert "repos.toml" in str(caught.value)


# ---------------------------------------------------------------------------------------------------- real registries


@pytest.mark.deep
@pytest.mark.network
def test_pip_downloads_from_pypi(sandboxes: DockerSandboxes, home: Path) -> None:
    with (
        Gateways(home).open(["pypi.org", "files.pythonhosted.org"]) as gate,
        sandboxes.start(spec("pip", gate.folder)) as sandbox,
    ):
        command = [
            "pip",
            "download",
            "--no-deps",
            "--index-url",
            "https://pypi.org/simple",
            "-d",
            "/tmp/w",
            "iniconfig",
        ]
        done = sandbox.run(command, timeout=120)
        assert done.exit_code == 0, done.output.decode()
        assert b"iniconfig" in sandbox.run(["ls", "/tmp/w"]).output
        elsewhere = [*command[:-1], "--retries", "0", "--index-url", "https://registry.npmjs.org", "iniconfig"]
        assert sandbox.run(elsewhere, timeout=120).exit_code != 0
    uses = {use.host: use for use in gate.uses()}
    assert uses["files.pythonhosted.org"].received > 1000
    assert uses["registry.npmjs.org"].refused


@pytest.mark.deep
@pytest.mark.network
def test_apt_updates_in_a_root_sandbox(home: Path) -> None:
    builders = Builders(DockerEngine(None), owner="test-gateway-apt")
    with Gateways(home).open(["deb.debian.org"]) as gate:
        opened = builders.open(IMAGE, {}, python=OWN_PYTHON, seconds=120, disk=1024**3, gateway=gate.folder)
        with opened as (sandbox, _):
            sources = "deb http://deb.debian.org/debian bookworm-updates main\n"
            sandbox.run(["sh", "-c", f"rm -rf /etc/apt/sources.list*; echo '{sources}' > /etc/apt/sources.list"])
            done = sandbox.run(["apt-get", "update"], timeout=120, env=environment(gate.folder))
            assert done.exit_code == 0, done.output.decode()
            assert b"deb.debian.org" in done.output
    assert {(use.host, use.port, use.refused) for use in gate.uses()} == {("deb.debian.org", 80, "")}


@pytest.mark.deep
@pytest.mark.network
def test_a_tunnel_is_for_the_host_that_it_was_asked_for(home: Path) -> None:
    """Hosts share addresses: a tunnel to an allowed one must not lead to a stranger at the same address."""
    with Gateways(home).open(["pypi.org"]) as gate:
        for first in (hello("registry.npmjs.org"), hello(None), b"GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n"):
            client, said = tunnel(gate.folder, "pypi.org:443")
            with client:
                assert "200" in said
                client.sendall(first)
                with contextlib.suppress(ConnectionResetError):
                    assert client.recv(100) == b""
        client, _ = tunnel(gate.folder, "pypi.org:443")
        with client:
            client.sendall(hello("pypi.org"))
            assert client.recv(1) == b"\x16"
    refused = [use for use in gate.uses() if use.refused]
    assert [(use.host, use.connections) for use in refused] == [("pypi.org", 3)]
    assert "names the same host" in refused[0].refused
