"""Slack's Web API clients: any address, retries that respect ``Retry-After``, no token in any log."""

import ipaddress
import logging
import time
import urllib.request
from http.client import HTTPException
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler
from slack_sdk.http_retry.handler import RetryHandler
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from deputy.domain.errors import BadInput

SLACK_API: Final = "https://slack.com/api/"
RETRIES: Final = 4
TOO_MANY: Final = 429
LONGEST_WAIT: Final = 60.0


class _RateLimited(RetryHandler):
    """Waits as long as Slack asks, unless that is so long that the caller should hear of it instead."""

    def _can_retry(self, *, response: HttpResponse | None = None, **_: object) -> bool:
        return response is not None and response.status_code == TOO_MANY and _retry_after(response) <= LONGEST_WAIT

    def prepare_for_next_attempt(self, *, state: RetryState, response: HttpResponse | None = None, **_: object) -> None:
        state.next_attempt_requested = True
        time.sleep(_retry_after(response) if response is not None else 1.0)
        state.increment_current_attempt()


def _retry_after(response: HttpResponse) -> float:
    """Seconds to wait; one where Slack doesn't say, or says it unreadably."""
    given = next((values for name, values in response.headers.items() if name.lower() == "retry-after"), ["1"])
    try:
        return max(float(given[0]), 0.0)
    except ValueError:
        return 1.0


class _ServerFailed(RetryHandler):
    """Tries again after an error of Slack's servers or of a gateway in front of them."""

    def _can_retry(self, *, response: HttpResponse | None = None, **_: object) -> bool:
        return response is not None and response.status_code in {500, 502, 503, 504}


def quiet_logger(name: str) -> logging.Logger:
    """A logger that never reaches the level at which the SDK formats whole requests and payloads."""
    logger = logging.getLogger(f"deputy.slack.{name}")
    logger.setLevel(logging.CRITICAL)
    return logger


def build_client(token: str, api_url: str | None = None, *, timeout: int = 15) -> WebClient:
    """A client for calls that may safely run twice: retried after 429, 5xx and a broken connection."""
    connection_errors: list[type[Exception]] = [URLError, OSError, HTTPException]
    return _client(
        token,
        api_base(api_url),
        timeout,
        [_RateLimited(RETRIES), _ServerFailed(RETRIES), ConnectionErrorRetryHandler(2, error_types=connection_errors)],
    )


def build_posting_client(client: WebClient) -> WebClient:
    """Its twin for calls that must not run twice: retried only after 429, which says that nothing was done."""
    return _client(client.token or "", client.base_url, client.timeout, [_RateLimited(RETRIES)])


def api_base(api_url: str | None) -> str:
    """The Web API's base address with a trailing slash; ``BadInput`` when it isn't an http(s) address."""
    base = (api_url or "").strip() or SLACK_API
    if not _is_web_address(base):
        raise BadInput("SLACK_API_URL is not an http or https address", "", f"leave it empty to use {SLACK_API}")
    return base if base.endswith("/") else f"{base}/"


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket that isn't closed, a port that is no number
        return False


def is_direct(url: str) -> bool:
    """Whether this address is reached without a proxy: on this machine, or named in NO_PROXY."""
    host = urlsplit(url).hostname or ""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    return is_loopback or bool(urllib.request.proxy_bypass(host))


def _client(token: str, base: str, timeout: int, retries: list[RetryHandler]) -> WebClient:
    token = token.strip()  # read from a file, it often ends with a line break
    if not token.isascii() or not token.isprintable():
        raise BadInput(
            "a Slack token has characters that no token has", "", "check SLACK_BOT_TOKEN and SLACK_APP_TOKEN"
        )
    client = WebClient(token=token, base_url=base, timeout=timeout, retry_handlers=retries, logger=quiet_logger("web"))
    if is_direct(base):
        client.proxy = None  # the SDK takes HTTPS_PROXY for any address and never asks NO_PROXY
    return client
