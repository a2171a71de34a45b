"""The other way to reach an app: signed HTTP requests to its address, sent again when it does not answer in time."""

import asyncio
import json
import time
import urllib.request
from urllib.parse import urlencode

from deputy_playground.api.app import Credentials
from deputy_playground.api.socket_mode import Patience
from deputy_playground.wire import Json, SlackError


class HttpMode:
    """Delivers to ``url`` as Slack does to a request URL."""

    def __init__(self, url: str, credentials: Credentials, patience: Patience) -> None:
        self._url = url
        self._credentials = credentials
        self._patience = patience

    async def event(self, payload: Json) -> bool:
        """POST an event as JSON; False when every attempt failed."""
        body = json.dumps(payload).encode()
        retry: dict[str, str] = {}
        for attempt, pause in enumerate((*self._patience.retries, 0.0), start=1):
            try:
                await self._post(body, "application/json", retry)
            except OSError as error:
                retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": _reason(error)}
                await asyncio.sleep(pause)
                continue
            return True
        return False

    async def ask(self, kind: str, payload: Json) -> Json | None:
        """POST an interaction (``payload=…``) or a command (a form) once; the answer's JSON, if there is any."""
        form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        try:
            answer = await self._post(urlencode(form).encode(), "application/x-www-form-urlencoded", {})
        except TimeoutError:
            raise SlackError("operation_timeout") from None
        except OSError:
            raise SlackError("dispatch_failed") from None
        return _answer(answer)

    async def _post(self, body: bytes, kind: str, headers: dict[str, str]) -> bytes:
        timestamp = str(int(time.time()))
        signed = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": self._credentials.sign(timestamp, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            **headers,
        }
        request = urllib.request.Request(self._url, data=body, headers=signed, method="POST")  # noqa: S310 - loopback
        return await asyncio.to_thread(self._read, request)

    def _read(self, request: urllib.request.Request) -> bytes:
        # No proxy from the environment: this never leaves the machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=self._patience.ack) as response:
            content: bytes = response.read()
            return content


def _reason(error: OSError) -> str:
    """Slack's word for why it tries again."""
    if isinstance(error, urllib.error.HTTPError):
        return "http_error"
    return "http_timeout" if isinstance(error, TimeoutError) else "connection_failed"


def _answer(content: bytes) -> Json | None:
    if not content.strip():
        return None
    try:
        answer = json.loads(content)
    except ValueError:
        return {"text": content.decode("utf-8", "replace")}
    return answer if isinstance(answer, dict) else None
