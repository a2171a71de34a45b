"""Messages that happen once: an intent is saved before Slack is asked, and looked for in Slack after a crash."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPException
from typing import Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from deputy import ports
from deputy.adapters.slack.client import build_posting_client
from deputy.adapters.slack.errors import code_of, is_ambiguous, slack_errors
from deputy.adapters.slack.posting.blocks import Block
from deputy.domain.errors import Unavailable
from deputy.ports import Post

EVENT_TYPE: Final = "deputy_post"
PAGE: Final = 200
HISTORY_PAGES: Final = 5
ATTEMPTS: Final = 4
LOCKS: Final = 64


class Posts:
    """Our messages, by key. Posting under one key twice finds the first message, in this process or another."""

    def __init__(self, client: WebClient, store: ports.Store) -> None:
        self._client, self._poster, self._store = client, build_posting_client(client), store
        self._locks = tuple(threading.Lock() for _ in range(LOCKS))

    def lock(self, key: str) -> threading.Lock:
        """One at a time per key: two threads must not both find that nothing was posted yet."""
        return self._locks[hash(key) % LOCKS]

    def known(self, key: str) -> Post | None:
        """The stored post, with an empty ``ts`` when there is only the intent."""
        with self._store.transaction() as ledger:
            return ledger.post(key)

    def save(self, post: Post) -> Post:
        """Store and return it."""
        with self._store.transaction() as ledger:
            ledger.save_post(post)
        return post

    def once(self, key: str, channel: str, thread: str, blocks: list[Block], text: str) -> Post:
        """The message with this key: the one there is, or a new one."""
        with self.lock(key):
            return self.adopt(key, channel, thread) or self.publish(key, channel, thread, blocks, text)

    def adopt(self, key: str, channel: str, thread: str) -> Post | None:
        """The message with this key, if there is one; after a crash it is looked for in Slack."""
        post = self.known(key)
        if post is None or post.ts:
            return post
        found = self.find(channel, thread, has_key(key))
        return self.save(Post(key, channel, thread, found)) if found else None

    def show(self, key: str, channel: str, thread: str, blocks: list[Block], text: str) -> None:
        """Have the message with this key show this: post or update it; post it anew when somebody deleted it."""
        content = _content(blocks, text)
        post = self.adopt(key, channel, thread)
        if post is not None and post.content == content:
            return
        if post is not None:
            self.save(replace(post, content=""))
        if post is None or not self.update(post, blocks, text):
            post = self.publish(key, channel, thread, blocks, text)
        self.save(replace(post, content=content))

    def publish(self, key: str, channel: str, thread: str, blocks: list[Block], text: str) -> Post:
        """Post a new message: the intent first, so that a crash in between is noticed."""
        self.save(Post(key, channel, thread))
        return self.save(Post(key, channel, thread, self._send(key, channel, thread, blocks, text)))

    def update(self, post: Post, blocks: list[Block], text: str) -> bool:
        """Update a message in place; False when it can't be any more (deleted, or too old to edit)."""
        try:
            self._client.chat_update(
                channel=post.channel,
                ts=post.ts,
                blocks=_marked(blocks, post.key),
                text=text,
                metadata=_metadata(post.key),
                link_names=False,
                parse="none",
            )
        except SlackApiError as error:
            if code_of(error) in {"message_not_found", "edit_window_closed", "cant_update_message"}:
                return False
            raise
        return True

    def find(self, channel: str, thread: str, matches: Callable[[dict[str, object]], bool]) -> str:
        """The timestamp of the message of ours in this thread (or channel) that matches, or an empty string."""
        with slack_errors("looking for an earlier message"):
            pages = self._replies(channel, thread) if thread else self._history(channel)
            return next((str(message["ts"]) for page in pages for message in page if matches(message)), "")

    def _send(self, key: str, channel: str, thread: str, blocks: list[Block], text: str) -> str:
        """Post. When Slack's answer doesn't say whether it posted, look before trying again."""
        for attempt in range(ATTEMPTS):
            try:
                return self._post(key, channel, thread, blocks, text)
            except SlackApiError as error:
                if not is_ambiguous(error):
                    raise
            except (OSError, HTTPException):
                pass  # a broken connection says nothing about what Slack did
            time.sleep(0.3 * 2**attempt)
            if found := self.find(channel, thread, has_key(key)):
                return found
        raise Unavailable("Slack does not take messages now", "it failed several times", "Deputy tries again by itself")

    def _post(self, key: str, channel: str, thread: str, blocks: list[Block], text: str) -> str:
        answer = self._poster.chat_postMessage(
            channel=channel,
            thread_ts=thread or None,
            blocks=_marked(blocks, key),
            text=text,
            metadata=_metadata(key),
            unfurl_links=False,
            unfurl_media=False,
            link_names=False,
            parse="none",
        )
        return str(answer.get("ts") or "")

    def _replies(self, channel: str, thread: str) -> Iterator[list[dict[str, object]]]:
        cursor = ""
        while True:
            try:
                answer = self._client.conversations_replies(
                    channel=channel, ts=thread, include_all_metadata=True, limit=PAGE, cursor=cursor or None
                )
            except SlackApiError as error:
                if code_of(error) == "thread_not_found":
                    return
                raise
            yield answer.get("messages") or []
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    def _history(self, channel: str) -> Iterator[list[dict[str, object]]]:
        """The newest messages first, as far back as a crash can be."""
        cursor = ""
        for _ in range(HISTORY_PAGES):
            answer = self._client.conversations_history(
                channel=channel, include_all_metadata=True, limit=PAGE, cursor=cursor or None
            )
            yield answer.get("messages") or []
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return


def has_key(key: str) -> Callable[[dict[str, object]], bool]:
    """Whether a message is the one posted under this key: by its metadata, or where Slack shows none by its blocks."""
    mark = _mark(key)

    def matches(message: dict[str, object]) -> bool:
        blocks = message.get("blocks")
        listed = blocks if isinstance(blocks, list) else []
        is_marked = any(isinstance(b, dict) and str(b.get("block_id") or "").startswith(mark) for b in listed)
        return is_marked or _names_key(message.get("metadata"), key)

    return matches


def _names_key(metadata: object, key: str) -> bool:
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return False
    payload = metadata.get("event_payload")
    return isinstance(payload, dict) and payload.get("key") == key


def _content(blocks: list[Block], text: str) -> str:
    return hashlib.sha256(json.dumps([blocks, text]).encode()).hexdigest()


def _metadata(key: str) -> dict[str, object]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def _mark(key: str) -> str:
    return f"deputy-{hashlib.sha256(key.encode()).hexdigest()[:24]}-"


def _marked(blocks: list[Block], key: str) -> list[Block]:
    """The blocks with the key's mark on the first. Slack wants another block id when a message's content changes."""
    if not blocks:
        return blocks
    content = hashlib.sha256(json.dumps(blocks).encode()).hexdigest()[:8]
    return [{**blocks[0], "block_id": f"{_mark(key)}{content}"}, *blocks[1:]]
