"""Slack as the workflows see it: ``ports.Chat`` over the Web API."""

from collections.abc import Sequence
from typing import Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from deputy import ports
from deputy.adapters.slack.client import build_client
from deputy.adapters.slack.errors import code_of, slack_errors
from deputy.adapters.slack.identity import Identity, identify
from deputy.adapters.slack.posting.blocks import MESSAGE, paragraph, render, weight
from deputy.adapters.slack.posting.files import Uploads
from deputy.adapters.slack.posting.people import read_person
from deputy.adapters.slack.posting.posts import Posts
from deputy.adapters.slack.posting.replies import reply_to
from deputy.adapters.slack.posting.text import markup
from deputy.domain.people import Actor, Person
from deputy.domain.tasks.request import Place
from deputy.ports import Attachment, Card, Post

REMEMBERED_LINKS: Final = 50
COMMENT: Final = 2000


def build_chat(store: ports.Store, *, bot_token: str, api_url: str | None = None) -> "SlackChat":
    """Slack behind this token. Asks nothing yet: the first call that fails says what is wrong."""
    return SlackChat(build_client(bot_token, api_url), store)


class SlackChat:
    """Posts, updates, uploads and look-ups. See ``ports.Chat`` for what each promises."""

    def __init__(self, client: WebClient, store: ports.Store) -> None:
        self._client = client
        self._posts, self._uploads = Posts(client, store), Uploads(client)
        self._home: Identity | None = None
        self._links: tuple[str, ...] = ()

    def show(self, place: Place, key: str, card: Card) -> None:
        """Post the card in the thread, or update it in place; post it anew when somebody deleted it."""
        blocks, text = render(card)
        with self._posts.lock(key), slack_errors("showing the card"):
            self._posts.show(key, place.channel, place.thread, blocks, text)

    def say(self, place: Place, key: str, text: str, people: Sequence[str] = ()) -> None:
        """Post a sentence in the thread, once."""
        blocks, fallback = paragraph(text, people, self._links)
        with slack_errors("posting in the thread"):
            self._posts.once(key, place.channel, place.thread, blocks, fallback)

    def whisper(self, place: Place, user: str, text: str, reply_url: str = "") -> None:
        """Show a sentence to one person only: by ``reply_url`` while it works, else as an ephemeral message."""
        if reply_url and reply_to(reply_url, text):
            return
        blocks, fallback = paragraph(text)
        with slack_errors("answering privately"):
            self._client.chat_postEphemeral(
                channel=place.channel, user=user, thread_ts=place.thread or None, blocks=blocks, text=fallback
            )

    def notify(self, user: str, key: str, text: str, card: Card | None = None) -> None:
        """Send a direct message, once; called again with a card, the message is brought up to date."""
        known = self._posts.known(key)
        if known is not None and known.ts and card is None:
            return
        blocks, fallback = paragraph(text, links=self._links, sections=1)
        if card is not None:
            blocks += render(card, MESSAGE - weight(blocks))[0]
        with slack_errors("sending a direct message"):
            if known is not None and known.ts:
                self._posts.update(known, blocks, fallback)
                return
            channel = known.channel if known is not None else self._direct_channel(user)
            self._posts.once(key, channel, "", blocks, fallback)

    def attach(self, place: Place, key: str, files: Sequence[Attachment], comment: str) -> None:
        """Upload files into the thread, once."""
        if not files:
            return
        names = frozenset(file.name for file in files)

        def is_shared() -> bool:
            return bool(self._posts.find(place.channel, place.thread, lambda message: names <= _file_names(message)))

        with self._posts.lock(key), slack_errors("uploading files"):
            post = self._posts.known(key)
            if post is not None and post.files:
                return
            if post is not None and is_shared():
                self._posts.save(Post(key, place.channel, place.thread, files=tuple(sorted(names))))
                return
            self._posts.save(Post(key, place.channel, place.thread))
            # An upload's comment can't have its links switched off: none of its addresses may look like one.
            inert = markup(comment.replace("://", ": //"), COMMENT)
            ids = self._uploads.share(place.channel, place.thread, files, inert, is_shared)
            self._posts.save(Post(key, place.channel, place.thread, files=ids))

    def permalink(self, place: Place, message: str) -> str:
        """A link to a message, or an empty string when Slack has none."""
        with slack_errors("linking to a message"):
            try:
                answer = self._client.chat_getPermalink(channel=place.channel, message_ts=message)
            except SlackApiError as error:
                if code_of(error) in {"message_not_found", "channel_not_found"}:
                    return ""
                raise
        link = str(answer.get("permalink") or "")
        if link:
            self._links = (*self._links[-REMEMBERED_LINKS:], link)
        return link

    def person(self, actor: Actor) -> Person:
        """Look a user up now. ``NotFound`` when there is no such user."""
        with slack_errors("looking a person up"):
            answer = self._client.users_info(user=actor.user)
        return read_person(answer.get("user"), actor, self._identity())

    def _identity(self) -> Identity:
        if self._home is None:
            self._home = identify(self._client)
        return self._home

    def _direct_channel(self, user: str) -> str:
        answer = self._client.conversations_open(users=user)
        return str((answer.get("channel") or {}).get("id") or "")


def _file_names(message: dict[str, object]) -> frozenset[str]:
    files = message.get("files")
    named = files if isinstance(files, list) else []
    return frozenset(str(file.get("name")) for file in named if isinstance(file, dict))
