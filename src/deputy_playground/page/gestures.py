"""What people do besides writing: click, choose, run a command, use a shortcut, submit a modal. And what comes back."""

from collections.abc import Iterator
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from deputy_playground.api.app import Installation
from deputy_playground.api.hooks import ReplyTo
from deputy_playground.api.web_api import read_arguments
from deputy_playground.personas import APP_ID, BOT_ID, BOT_USER, Channel
from deputy_playground.wire import Json, PlaygroundError, SlackError
from deputy_playground.workspace import payloads
from deputy_playground.workspace.blocks import check_blocks


class Delivery(Protocol):
    """How the app is reached: Socket Mode or HTTP."""

    async def event(self, payload: Json) -> bool:
        """Deliver an event; False when the app never took it."""

    async def ask(self, kind: str, payload: Json) -> Json | None:
        """Deliver an interaction or command once; what the app answered with its ack."""


class Gestures:
    """Sends interactions to the app and puts its answers where they belong."""

    def __init__(self, site: Installation, delivery: Delivery) -> None:
        self._site = site
        self._delivery = delivery

    async def click(self, user: str, channel: str, ts: str, wanted: str, choice: str = "") -> None:
        """Click the element with this action id or label. ``choice`` is the value picked in a menu."""
        place, person = self._site.workspace.channel(channel), self._site.workspace.person(user)
        self._site.workspace.may_write(user, place)
        message = self._site.workspace.message(place.id, ts)
        if message.get("only_for") not in (None, user):
            raise SlackError("message_not_found")
        element = find_element(all_blocks(message), wanted)
        action = _action(element, choice, self._site.workspace.clock())
        payload = payloads.block_actions(
            person, place, message, action, self._site.hooks.trigger(user), self._reply_url(user, place, message), {}
        )
        await self._delivery.ask("interactive", payload)

    def _reply_url(self, user: str, channel: Channel, message: Json | None = None) -> str:
        message = message or {}
        name = self._site.hooks.reply(user, channel.id, message.get("thread_ts", ""), message.get("ts", ""))
        return f"{self._site.base}/actions/{name}"

    async def command(self, user: str, channel: str, line: str) -> Json | None:
        """Run ``/name text``; the message that the ack carried, if any."""
        place, person = self._site.workspace.channel(channel), self._site.workspace.person(user)
        self._site.workspace.may_write(user, place)
        name, _, text = line.strip().partition(" ")
        if name not in self._site.commands:
            raise PlaygroundError(f"{name} is not a command here; there is {', '.join(self._site.commands)}.")
        text = self._site.workspace.typist.compose(text.strip())[0]
        payload = payloads.slash_command(
            person, place, name, text, self._site.hooks.trigger(user), self._reply_url(user, place)
        )
        answer = await self._delivery.ask("slash_commands", payload)
        if not answer or not (answer.get("text") or answer.get("blocks")):
            return None
        return self._say(ReplyTo(user, place.id, "", "", 0), answer)

    async def shortcut(self, user: str, channel: str, ts: str, callback: str) -> None:
        """Use the app's shortcut on a message."""
        place, person = self._site.workspace.channel(channel), self._site.workspace.person(user)
        message = self._site.workspace.message(place.id, ts)
        payload = payloads.message_action(
            person,
            place,
            message,
            callback,
            self._site.hooks.trigger(user),
            self._reply_url(user, place, message),
            self._site.workspace.clock(),
        )
        await self._delivery.ask("interactive", payload)

    async def submit(self, user: str, view_id: str, values: Json) -> Json | None:
        """Submit a modal. Answers errors to show, or None when it closed. ``values`` is Slack's ``state.values``."""
        view = self._site.views.get(user, view_id) | {"state": {"values": values}}
        person = self._site.workspace.person(user)
        payload = payloads.view_event("view_submission", person, view, self._site.hooks.trigger(user))
        answer = await self._delivery.ask("interactive", payload) or {}
        match answer.get("response_action"):
            case "errors":
                return {"errors": answer.get("errors", {})}
            case "update":
                self._site.views.update(view_id, answer.get("view"))
            case "push":
                self._site.views.open(user, answer.get("view"))
            case _:
                self._site.views.close(view_id)
        return None

    async def click_view(self, user: str, view: Json, wanted: str, choice: str = "") -> None:
        """Click an element of a modal or of the home tab."""
        element = find_element(view.get("blocks", []), wanted)
        action = _action(element, choice, self._site.workspace.clock())
        person = self._site.workspace.person(user)
        await self._delivery.ask(
            "interactive", payloads.view_action(person, view, action, self._site.hooks.trigger(user))
        )

    async def home(self, user: str) -> None:
        """Open the app's home tab as this person."""
        channel = self._site.workspace.channel(user)
        await self._delivery.event(payloads.home_opened(user, channel, self._site.workspace.clock()))

    async def respond(self, request: Request) -> Response:
        """A POST to a response URL."""
        try:
            reply = self._site.hooks.use(request.path_params["name"])
            self._say(reply, read_arguments(request, await request.body()))
        except SlackError as error:
            return JSONResponse(error.body(), status_code=404 if error.code.endswith("_url") else 200)
        return PlainTextResponse("ok")

    def _say(self, reply: ReplyTo, answer: Json) -> Json:
        workspace = self._site.workspace
        channel = workspace.channel(reply.channel)
        if reply.message and answer.get("delete_original"):
            workspace.delete(channel, reply.message, BOT_USER)
            return {}
        blocks = answer.get("blocks")
        if blocks:
            check_blocks(blocks)
        text = str(answer.get("text") or "")
        if not text and not blocks:
            raise SlackError("no_text")
        if reply.message and answer.get("replace_original"):
            return workspace.edit(channel, reply.message, BOT_USER, text=text, blocks=blocks or [])
        thread = str(answer.get("thread_ts") or reply.thread)
        only_for = "" if answer.get("response_type") == "in_channel" else reply.user
        more: Json = {"blocks": blocks} if blocks else {}
        return workspace.post(
            channel, BOT_USER, text, thread=thread, only_for=only_for, bot_id=BOT_ID, app_id=APP_ID, **more
        )


def all_blocks(message: Json) -> list[Json]:
    """The blocks of a message, those of its attachments included."""
    inner = [block for item in message.get("attachments", []) for block in item.get("blocks", [])]
    return [*message.get("blocks", []), *inner]


def elements_of(blocks: list[Json]) -> Iterator[Json]:
    """Every interactive element of a message, with its block's id."""
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if "action_id" in element or element.get("type") == "button":
                yield element | {"block_id": block.get("block_id", "")}


def label_of(element: Json) -> str:
    """What a person reads on it."""
    return str((element.get("text") or element.get("placeholder") or {}).get("text", ""))


def find_element(blocks: list[Json], wanted: str) -> Json:
    """The element with this action id or label (any case), or an error that lists what there is."""
    found = list(elements_of(blocks))
    for element in found:
        if wanted == element.get("action_id") or wanted.casefold() == label_of(element).casefold():
            return element
    there = ", ".join(f"{label_of(element)} ({element.get('action_id')})" for element in found) or "nothing"
    raise PlaygroundError(f"Nothing to click is called {wanted!r}; there is: {there}.")


def _action(element: Json, choice: str, now: float) -> Json:
    action: Json = {
        key: element[key] for key in ("type", "action_id", "block_id", "text", "value", "style") if key in element
    }
    action["action_ts"] = f"{now:.6f}"
    if "options" in element:
        options = [option for option in element["options"] if choice in (option["value"], option["text"]["text"])]
        if not options:
            raise PlaygroundError(f"There is no choice {choice!r}.")
        action["selected_option"] = options[0]
    elif element["type"] == "users_select":
        action["selected_user"] = choice
    return action
