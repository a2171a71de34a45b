"""The Web API over HTTP: arguments, tokens, scopes, rates and planned trouble around the methods."""

import asyncio
import json
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from deputy_playground.api.app import Installation
from deputy_playground.api.methods import Call, Method
from deputy_playground.api.methods_more import METHODS
from deputy_playground.faults import Fault, Trouble
from deputy_playground.wire import Json, SlackError

_JSON_ARGUMENTS = ("blocks", "attachments", "metadata", "files", "view")
Drop = Callable[[Request], None]


class WebApi:
    """Answers ``/api/{method}``, the upload address, downloads and response URLs. ``drop`` cuts a connection."""

    def __init__(self, site: Installation, drop: Drop) -> None:
        self._site = site
        self._drop = drop

    async def call(self, request: Request) -> Response:
        """One Web API call, failing first in the way a test planned."""
        name = request.path_params["method"]
        body = await request.body()
        fault = self._site.faults.next(name)
        if fault is not None and fault.trouble is not Trouble.DROP_AFTER:
            failed = await self._fail(request, fault)
            if failed is not None:
                return failed
        answer = self._answer(name, request, body)
        if fault is not None and fault.trouble is Trouble.DROP_AFTER:
            self._drop(request)
        return answer

    async def _fail(self, request: Request, fault: Fault) -> Response | None:
        match fault.trouble:
            case Trouble.RATE_LIMITED:
                return _rate_limited(int(fault.seconds))
            case Trouble.SERVER_ERROR:
                return PlainTextResponse("Internal Server Error", status_code=500)
            case Trouble.ERROR_CODE:
                return JSONResponse({"ok": False, "error": fault.code})
            case Trouble.GARBAGE:
                return PlainTextResponse("<!doctype html><title>Slack is down</title>", media_type="text/html")
            case Trouble.DROP_BEFORE:
                self._drop(request)
                return PlainTextResponse("")
            case _:
                await asyncio.sleep(fault.seconds)
                return None

    def _answer(self, name: str, request: Request, body: bytes) -> Response:
        try:
            return self._checked(name, request, body)
        except SlackError as error:
            return JSONResponse(error.body(), headers=self._headers(METHODS.get(name)))

    def _checked(self, name: str, request: Request, body: bytes) -> Response:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        args = read_arguments(request, body)
        self._authorise(method, _token(request, args))
        if wait := self._wait(name, method, args):
            return _rate_limited(wait)
        return JSONResponse(method.run(Call(self._site, args)), headers=self._headers(method))

    def _headers(self, method: Method | None) -> dict[str, str]:
        headers = {"x-oauth-scopes": ",".join(self._site.scopes)}
        return headers | ({"x-accepted-oauth-scopes": method.scope} if method and method.scope else {})

    def _authorise(self, method: Method, token: str) -> None:
        if not method.token:
            return
        if not token:
            raise SlackError("not_authed")
        credentials = self._site.credentials
        kind = {credentials.bot_token: "bot", credentials.app_token: "app"}.get(token)
        if kind is None:
            raise SlackError("invalid_auth")
        if kind != method.token:
            raise SlackError("not_allowed_token_type")
        if kind == "bot" and method.scope and method.scope not in self._site.scopes:
            raise SlackError("missing_scope", needed=method.scope, provided=",".join(self._site.scopes))

    def _wait(self, name: str, method: Method, args: Json) -> int:
        if name == "chat.postMessage":
            return self._site.limits.wait_for_post(str(args.get("channel")))
        return self._site.limits.wait_for_call(name, method.tier) if method.tier else 0

    async def upload(self, request: Request) -> Response:
        """The bytes of an announced upload."""
        try:
            size = self._site.uploads.receive(request.path_params["address"], await request.body())
        except SlackError as error:
            return PlainTextResponse(error.code, status_code=400)
        return PlainTextResponse(f"OK - {size}")

    async def download(self, request: Request) -> Response:
        """A private file's bytes, for a bearer of the bot's token; anyone else is sent away, as on Slack."""
        if _token(request, {}) != self._site.credentials.bot_token:
            return PlainTextResponse(
                "<!doctype html><title>Sign in</title>", status_code=302, headers={"location": "/"}
            )
        try:
            file = request.path_params["file"].partition("-")[2]
            return Response(self._site.uploads.content(file), media_type=self._site.uploads.info(file)["mimetype"])
        except SlackError:
            return PlainTextResponse("not found", status_code=404)


def _rate_limited(seconds: int) -> Response:
    return JSONResponse({"ok": False, "error": "ratelimited"}, status_code=429, headers={"Retry-After": str(seconds)})


def _token(request: Request, args: Json) -> str:
    header = request.headers.get("authorization", "")
    return header[7:].strip() if header.lower().startswith("bearer ") else str(args.get("token") or "")


def read_arguments(request: Request, body: bytes) -> Json:
    """Query, form or JSON arguments in one dictionary; values that Slack takes as JSON text are read."""
    args: Json = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/json" and body.strip():
        try:
            sent = json.loads(body)
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(sent, dict):
            raise SlackError("json_not_object")
        args |= sent
    elif body:
        args |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    for name in _JSON_ARGUMENTS:
        if isinstance(args.get(name), str):
            args[name] = _structure(name, args[name])
    return args


def _structure(name: str, text: str) -> object:
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise SlackError("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None
