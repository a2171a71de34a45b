"""Gets one complete answer from a model server, bounded in time and size: JSON or server-sent events."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import httpx2
import openai
from pydantic import JsonValue, TypeAdapter, ValidationError

from deputy.adapters.llm.failures import explain, redact
from deputy.domain.errors import BadInput, DeputyError, Unavailable

MAX_BYTES = 16 * 1024**2
ATTEMPTS = 3  # after a broken-off or unreadable answer we ask again: a request changes nothing at the server
PAUSE = 0.3  # seconds before the second attempt; doubled before the third

Json = dict[str, JsonValue]
Request = Callable[[openai.OpenAI], AbstractContextManager["Streamed"]]
T = TypeVar("T")
_OBJECT: TypeAdapter[Json] = TypeAdapter(Json)


class Streamed(Protocol):
    """The part of the SDK's unread response that we use."""

    @property
    def headers(self) -> httpx2.Headers:
        """The response's headers."""

    def iter_bytes(self) -> Iterator[bytes]:
        """The body in pieces as they come."""
        ...


class Broken(Exception):
    """The answer ended before it was complete."""


class BadAnswer(Unavailable):
    """The answer is complete but useless: an error, or not what the API promises."""


class Wire:
    """A client of one model server."""

    def __init__(self, name: str, base_url: str, api_key: str, *, retries: int) -> None:
        key = api_key.strip()
        if not key.isascii() or not key.isprintable():
            raise BadInput("the model's key has characters that no key has", "", "check OPENAI_API_KEY")
        self.name = name
        self._key = key
        try:
            self._client = openai.OpenAI(
                base_url=base_url.strip() or None, api_key=key or "no-key", max_retries=retries
            )
            is_web = self._client.base_url.scheme in {"http", "https"} and bool(self._client.base_url.host)
        except httpx2.InvalidURL:
            is_web = False
        if not is_web:
            raise BadInput("OPENAI_BASE_URL is not an http or https address", "", "leave it empty to use OpenAI itself")

    def ask(self, request: Request, decode: Callable[[list[Json], bool], T], timeout: float) -> T:
        """Send the request and decode the answer: its JSON objects, and whether they came as a stream of events.

        Raises ``Unavailable`` or ``BadInput`` with a sentence for people, and ``openai.BadRequestError`` as it is: the
        caller knows whether to ask differently.
        """
        for attempt in range(1, ATTEMPTS + 1):
            if attempt > 1:
                time.sleep(PAUSE * 2 ** (attempt - 2))
            try:
                return self._once(request, decode, timeout)
            except openai.BadRequestError:
                raise
            except (openai.OpenAIError, httpx2.HTTPError) as error:
                is_broken = isinstance(error, httpx2.TransportError) and not isinstance(error, httpx2.TimeoutException)
                if not is_broken or attempt == ATTEMPTS:
                    raise self.explain(error) from None
            except BadAnswer:
                if attempt == ATTEMPTS:
                    raise
            except Broken:
                continue
        raise Unavailable(f"the answer of the model {self.name} broke off", f"{ATTEMPTS} times", "try again")

    def explain(self, error: openai.OpenAIError | httpx2.HTTPError) -> DeputyError:
        """The SDK's error as one of our errors."""
        return explain(error, model=self.name, host=self._client.base_url.host, key=self._key)

    def fault(self, error: JsonValue) -> BadAnswer:
        """The error to raise for an error object inside an answer."""
        message = error.get("message") if isinstance(error, dict) else error
        return BadAnswer(f"the model {self.name} failed", redact(str(message or ""), self._key), "try again")

    def garbled(self) -> BadAnswer:
        """The error to raise for an answer that is not what the API promises."""
        return BadAnswer(
            f"the answer of the model {self.name} can't be understood",
            "it is not what the API promises",
            "check OPENAI_BASE_URL and DEPUTY_MODEL_API",
        )

    def _once(self, request: Request, decode: Callable[[list[Json], bool], T], timeout: float) -> T:
        client = self._client.with_options(timeout=timeout)
        with request(client) as response:
            body = self._read(response, timeout)
            is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        try:
            objects = [_OBJECT.validate_json(data) for data in (_events(body) if is_stream else [body])]
        except ValidationError:
            raise self.garbled() from None
        return decode(objects, is_stream)

    def _read(self, response: Streamed, timeout: float) -> bytes:
        """The body. The SDK bounds the wait for each piece; this bounds the sum."""
        deadline, pieces, size = time.monotonic() + timeout, [], 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BYTES:
                raise Unavailable(f"the answer of the model {self.name} is too big", f"over {MAX_BYTES:,} bytes", "")
            if time.monotonic() > deadline:
                raise Unavailable(f"the model {self.name} did not answer in time", f"over {timeout:.0f} s", "try again")
        return b"".join(pieces)


def _events(body: bytes) -> list[bytes]:
    """The data of server-sent events (WHATWG HTML §9.2.6), without the closing ``[DONE]``."""
    *blocks, rest = body.replace(b"\r\n", b"\n").split(b"\n\n")
    if _is_event(rest):  # some servers end without the blank line; a connection that broke off ends anywhere
        blocks.append(rest)
    joined = (
        b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")) for block in blocks
    )
    return [data for data in joined if data and data != b"[DONE]"]


def _is_event(block: bytes) -> bool:
    try:
        json.loads(block.removeprefix(b"data:"))
    except ValueError:
        return False
    return True


def as_json_text(arguments: str) -> str:
    """Arguments for a transcript's call: malformed ones are wrapped, since some servers parse them and fail."""
    try:
        json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return json.dumps({"malformed": arguments[:500]})
    return arguments
