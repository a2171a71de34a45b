"""The playground as a Python object: start it, be anybody in it, look at what is there."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from deputy_playground.api.app import SCOPES, Credentials, Installation
from deputy_playground.api.http_mode import HttpMode
from deputy_playground.api.socket_mode import Patience
from deputy_playground.faults import Faults
from deputy_playground.limits import Rates
from deputy_playground.page.export import as_html, as_text, visible_text
from deputy_playground.page.gestures import Delivery, all_blocks, elements_of, label_of
from deputy_playground.page.server import LOOPBACK, Server, bind
from deputy_playground.personas import CAST, CHANNELS, Channel, Persona
from deputy_playground.wire import Json, PlaygroundError
from deputy_playground.workspace.compose import readable
from deputy_playground.workspace.disk import Shelf
from deputy_playground.workspace.workspace import Workspace

T = TypeVar("T")
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Button:
    """Something that can be clicked on a message."""

    action_id: str
    label: str
    value: str = ""


@dataclass(frozen=True)
class Seen:
    """A message as a person sees it: ``text`` is everything readable, blocks included; ``raw`` is Slack's object."""

    ts: str
    user: str
    text: str
    buttons: tuple[Button, ...] = ()
    files: tuple[str, ...] = ()
    only_for: str = ""
    raw: Json = field(default_factory=dict, repr=False, compare=False)


class Playground:
    """A local workspace in a folder, on a loopback port (0: any). A restart on the same folder keeps everything.

    ``request_url`` makes it reach the app by signed HTTP instead of Socket Mode.
    """

    def __init__(
        self,
        folder: Path | str,
        port: int = 0,
        *,
        people: Iterable[Persona] = CAST,
        channels: Iterable[Channel] = CHANNELS,
        rates: Rates | None = None,
        patience: Patience | None = None,
        scopes: Sequence[str] = SCOPES,
        request_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._listener = bind(port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.api_url = f"{self.url}/api/"
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._shelf = Shelf(Path(folder))
        self.workspace = Workspace(self._shelf, people, channels, clock)
        patience = patience or Patience()
        self.site = Installation(
            self.workspace, self.url, rates=rates or Rates(), patience=patience, scopes=list(scopes)
        )
        delivery: Delivery = self.site.sockets
        if request_url:
            self.site.by_http = True
            delivery = HttpMode(request_url, self.site.credentials, patience)
        self._server = Server(self.site, self._listener, delivery)

    # ------------------------------------------------------------------------------------------------ life

    @property
    def credentials(self) -> Credentials:
        """The app's tokens and signing secret."""
        return self.site.credentials

    @property
    def bot_token(self) -> str:
        """``SLACK_BOT_TOKEN``."""
        return self.credentials.bot_token

    @property
    def app_token(self) -> str:
        """``SLACK_APP_TOKEN``."""
        return self.credentials.app_token

    @property
    def signing_secret(self) -> str:
        """``SLACK_SIGNING_SECRET``."""
        return self.credentials.signing_secret

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point an app at this workspace over Socket Mode."""
        return {
            "SLACK_API_URL": self.api_url,
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_APP_TOKEN": self.app_token,
        }

    @property
    def faults(self) -> Faults:
        """Plan trouble for Web API calls, and count them."""
        return self.site.faults

    def start(self) -> Self:
        """Serve on a thread of its own."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving. What was said stays in the folder."""
        self._server.stop()
        self._listener.close()
        self._shelf.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ------------------------------------------------------------------------------------------------ be somebody

    def say(self, user: str, channel: str, text: str, thread: str | None = None) -> str:
        """Write as this person (``@Deputy``, `` `code` `` and links are understood); the message's ts."""
        message = self.workspace.say(user, self.workspace.channel(channel), text, thread or "")
        ts: str = message["ts"]
        return ts

    def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        """Edit a message of one's own."""
        self.workspace.retype(user, self.workspace.channel(channel), ts, text)

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete a message of one's own."""
        self.workspace.delete(self.workspace.channel(channel), ts, user)

    def click(self, user: str, channel: str, message_ts: str, button: str, choice: str = "") -> None:
        """Click a button by action id or label (confirming), or pick ``choice``; returns when the app has acked.

        Raises ``SlackError`` ``operation_timeout`` or ``dispatch_failed`` where a person would see a warning sign.
        """
        self._server.run(self._server.gestures.click(user, channel, message_ts, button, choice))

    def command(self, user: str, channel: str, line: str, timeout: float = 10.0) -> str:
        """Run a slash command; what came back to this person as text, empty when nothing did in time."""
        place = self.workspace.channel(channel)
        before = {message.ts for message in self.whispers(user, place.id)}
        answer = self._server.run(self._server.gestures.command(user, place.id, line))
        if answer is not None:
            return self.see(answer).text
        new = self.wait_for(
            lambda: [m for m in self.whispers(user, place.id) if m.ts not in before], timeout, quiet=True
        )
        return "\n".join(message.text for message in new or [])

    def shortcut(self, user: str, channel: str, message_ts: str, callback_id: str) -> None:
        """Use the app's message shortcut."""
        self._server.run(self._server.gestures.shortcut(user, channel, message_ts, callback_id))

    def open_views(self, user: str) -> list[Json]:
        """The modals that this person has before them."""
        return self.site.views.opened_for(user)

    def submit(self, user: str, view_id: str, values: Json) -> Json | None:
        """Submit a modal; errors to show, or None."""
        return self._server.run(self._server.gestures.submit(user, view_id, values))

    def open_home(self, user: str, timeout: float = 5.0) -> Json | None:
        """Open the app's home tab; the view that is published then, or the one before when none is in time."""
        before = self.site.views.home(user)
        self._server.run(self._server.gestures.home(user))
        self.wait_for(lambda: self.site.views.home(user) is not before, timeout, quiet=True)
        return self.site.views.home(user)

    # ------------------------------------------------------------------------------------------------ look

    def see(self, message: Json) -> Seen:
        """A message as a person sees it."""
        buttons = tuple(
            Button(str(e.get("action_id", "")), label_of(e), str(e.get("value", "")))
            for e in elements_of(all_blocks(message))
        )
        files = tuple(file["id"] for file in message.get("files", []))
        text = readable(visible_text(message), self.workspace.names())
        return Seen(message["ts"], message["user"], text, buttons, files, message.get("only_for", ""), message)

    def thread(self, channel: str, ts: str, user: str = "") -> list[Seen]:
        """A thread's messages in order; ephemeral ones only where ``user`` is who they are for."""
        found = self.workspace.replies(self.workspace.channel(channel).id, ts)
        return [self.see(m) for m in found if m.get("only_for") in (None, user)]

    def messages(self, channel: str) -> list[Seen]:
        """A channel's messages without replies, in order."""
        found = self.workspace.history(self.workspace.channel(channel).id)
        return [self.see(message) for message in found if not message.get("only_for")]

    def whispers(self, user: str, channel: str) -> list[Seen]:
        """What only this person was shown in a channel and its threads."""
        place = self.workspace.channel(channel).id
        found = [reply for root in self.workspace.history(place) for reply in self.workspace.replies(place, root["ts"])]
        return [self.see(message) for message in found if message.get("only_for") == user]

    def file(self, file_id: str) -> tuple[str, bytes]:
        """A file's name and bytes."""
        return str(self.site.uploads.info(file_id)["name"]), self.site.uploads.content(file_id)

    def wait_for(self, predicate: Callable[[], T], timeout: float = 30.0, *, quiet: bool = False) -> T:
        """Poll until the predicate answers something true, and return that; ``PlaygroundError`` at the timeout."""
        until = time.monotonic() + timeout
        while True:
            answer = predicate()
            if answer:
                return answer
            if time.monotonic() > until:
                if quiet:
                    return answer
                raise PlaygroundError(f"Nothing came of it within {timeout:g} s. The workspace:\n{self.export_text()}")
            time.sleep(POLL_SECONDS)

    def wait_connected(self, timeout: float = 30.0) -> None:
        """Wait until the app has a Socket Mode connection."""
        self.wait_for(lambda: self.site.sockets.connections > 0, timeout)

    def export_text(self) -> str:
        """Every channel and thread as plain text."""
        return as_text(self.site)

    def export_html(self, path: Path | str) -> Path:
        """Every channel and thread as one HTML file that needs nothing else."""
        target = Path(path)
        target.write_text(as_html(self.site), encoding="utf-8")
        return target

    # ------------------------------------------------------------------------------------------------ make trouble

    def reconnect(self, reason: str = "refresh_requested", grace: float = 2.0) -> None:
        """Ask the app to reconnect (``warning`` or ``refresh_requested``)."""
        self._server.run(self.site.sockets.refresh(reason, grace))

    def hang_up(self) -> None:
        """Cut every Socket Mode connection without a word."""
        self._server.run(self.site.sockets.hang_up())

    def lose_acks(self, count: int) -> None:
        """Act as if the next acks never arrived: events come again."""
        self.site.sockets.acks_to_lose = count

    def repeat_events(self, count: int) -> None:
        """Deliver the next events twice although they were acked."""
        self.site.sockets.events_to_repeat = count
