"""Turns errors of the vendor's SDK into one sentence each. The key never appears in it."""

import re
from http import HTTPStatus as Status

import httpx2
import openai

from deputy.domain.errors import BadInput, DeputyError, Unavailable

_SECRET = re.compile(r"\b(?:sk|pk|key|org|proj|sess)[-_][\w*.-]{4,}|\bBearer\s+\S+", re.IGNORECASE)
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded"})
_LENGTH_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "request_too_large"})
_PASSING = frozenset({Status.REQUEST_TIMEOUT, Status.CONFLICT})
_AGAIN = "try again in a few minutes"
_SETTINGS = "check DEPUTY_MODEL, DEPUTY_MODEL_API and OPENAI_BASE_URL"
_NO_QUOTA, _TOP_UP = "the model account is out of quota", "add credit or use another key, then ask again"
_TOO_LONG, _SMALLER = "the conversation is too long for the model", "ask for a smaller change"


def explain(error: openai.OpenAIError | httpx2.HTTPError, *, model: str, host: str, key: str) -> DeputyError:
    """The error as a sentence that says what to do. ``key`` is what must not be shown."""
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return Unavailable(f"the model {model} did not answer in time", f"{host} took too long", _AGAIN)
    if isinstance(error, openai.APIStatusError):
        return _by_status(error, model=model, host=host, key=key)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return Unavailable(
            f"the model server at {host} can't be reached",
            "the connection was refused or broke off",
            "check OPENAI_BASE_URL and that the server runs",
        )
    return Unavailable(f"the model {model} could not be asked", redact(str(error), key), _SETTINGS)


def redact(text: str, key: str) -> str:
    """At most 200 characters of what a server said, on one line, without the key or anything like one."""
    bare = text.replace(key, "…") if key else text
    return " ".join(_SECRET.sub("…", bare).split())[:200].rstrip(". ")


def _by_status(error: openai.APIStatusError, *, model: str, host: str, key: str) -> DeputyError:
    message, server = redact(_message(error), key), f"the model server at {host}"
    if error.code in _QUOTA_CODES or error.type in _QUOTA_CODES:
        return Unavailable(_NO_QUOTA, message, _TOP_UP)
    if error.code in _LENGTH_CODES:
        return BadInput(_TOO_LONG, message, _SMALLER)
    match error.status_code:
        case Status.PAYMENT_REQUIRED:
            refusal: DeputyError = Unavailable(_NO_QUOTA, message, _TOP_UP)
        case Status.TOO_MANY_REQUESTS:
            refusal = Unavailable(f"{server} is limiting our requests", message, _AGAIN)
        case Status.UNAUTHORIZED | Status.FORBIDDEN as status:
            refusal = Unavailable(f"{server} refused our key", f"status {status}", "check OPENAI_API_KEY")
        case Status.NOT_FOUND:
            refusal = Unavailable(f"{server} has no model {model} or not this API", message, _SETTINGS)
        case Status.REQUEST_ENTITY_TOO_LARGE:
            refusal = BadInput(_TOO_LONG, message, _SMALLER)
        case status if status in _PASSING or status >= Status.INTERNAL_SERVER_ERROR:
            refusal = Unavailable(f"{server} failed", f"status {status}", _AGAIN)
        case status:
            refusal = BadInput(f"{server} refused the request", message or f"status {status}", _SETTINGS)
    return refusal


def _message(error: openai.APIStatusError) -> str:
    """The server's own message, wherever it put it; empty for an HTML page."""
    body = error.body
    if isinstance(body, dict):
        message = body.get("message") or body.get("detail") or body.get("error")
        return message if isinstance(message, str) else ""
    return ""
