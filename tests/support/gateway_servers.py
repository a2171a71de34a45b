"""Servers on this host that stand in for allowed ones, and a client for a gateway's socket."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server(answer: Callable[[socket.socket], None], address: str = "127.0.0.1") -> Iterator[int]:
    """Serve each connection in a thread; yields the port."""
    with socket.create_server((address, 0), backlog=128) as listener:
        opened: list[socket.socket] = []

        def work(connection: socket.socket) -> None:
            try:
                answer(connection)
            except OSError:
                pass
            finally:
                connection.close()

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                opened.append(connection)
                threading.Thread(target=work, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in opened:
                connection.close()


def echo(connection: socket.socket) -> None:
    """Send back what comes, until its end."""
    while data := connection.recv(65536):
        connection.sendall(data)


def pages(connection: socket.socket) -> None:
    """One page for every request, which shows what was asked; the connection stays open unless told to close."""
    while request := read_head(connection):
        body = b"asked: " + request.split(b"\r\n\r\n")[0] + b"\n"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        if b"connection: close" in request.lower():
            return


def read_head(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    return data


def dial(folder: str, seconds: float = 20) -> socket.socket:
    """A connection to the gateway in this folder."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(seconds)
    made.connect(str(Path(folder, "gateway.sock")))
    return made


def exchange(folder: str, request: str) -> str:
    """Everything that the gateway answers to a request."""
    with dial(folder) as client:
        client.sendall(request.replace("\n", "\r\n").encode("latin-1"))
        said = b""
        try:
            while piece := client.recv(65536):
                said += piece
        except ConnectionResetError:
            pass  # the rest of what we sent was not read
        return said.decode("latin-1")


def tunnel(folder: str, where: str) -> tuple[socket.socket, str]:
    """A tunnel, and the status line of what the gateway says."""
    client = dial(folder)
    client.sendall(f"CONNECT {where} HTTP/1.1\r\n\r\n".encode())
    return client, read_head(client).decode("latin-1").split("\r\n")[0]
