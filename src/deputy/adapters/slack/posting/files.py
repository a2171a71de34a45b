"""Uploads into a thread: reserve an address, send the bytes there, then share them all in one message."""

import time
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from deputy.adapters.slack.client import build_posting_client, is_direct
from deputy.adapters.slack.errors import is_ambiguous
from deputy.adapters.slack.posting.text import one_line
from deputy.domain.errors import BadInput, Unavailable
from deputy.ports import Attachment

ATTEMPTS: Final = 4
EMPTY: Final = b"(empty)\n"  # Slack refuses a file of no bytes
SERVER_ERROR: Final = 500
TOO_MANY: Final = 429


class Uploads:
    """Uploads files and shares them in a thread."""

    def __init__(self, client: WebClient) -> None:
        self._client, self._sharer = client, build_posting_client(client)

    def share(
        self,
        channel: str,
        thread: str,
        files: Sequence[Attachment],
        comment: str,
        is_shared: Callable[[], bool],
    ) -> tuple[str, ...]:
        """Upload and share; the file ids. ``is_shared`` looks whether a call without an answer took effect."""
        ids = tuple(self._upload(file) for file in files)
        titles: list[dict[str, str | None]] = [
            {"id": id_, "title": one_line(file.title) or file.name} for id_, file in zip(ids, files, strict=True)
        ]
        for attempt in range(ATTEMPTS):
            try:
                self._sharer.files_completeUploadExternal(
                    files=titles, channel_id=channel, thread_ts=thread or None, initial_comment=comment or None
                )
            except SlackApiError as error:
                if not is_ambiguous(error):
                    raise
            except (OSError, HTTPException):
                pass  # a broken connection says nothing about what Slack did
            else:
                return ids
            time.sleep(0.3 * 2**attempt)
            if is_shared():
                return ids
        raise Unavailable("Slack does not take files now", "it failed several times", "Deputy tries again by itself")

    def _upload(self, file: Attachment) -> str:
        content = file.content or EMPTY
        answer = self._client.files_getUploadURLExternal(filename=file.name, length=len(content))
        self._send(str(answer.get("upload_url") or ""), content)
        return str(answer.get("file_id") or "")

    def _send(self, url: str, content: bytes) -> None:
        """Send the bytes; sending them twice is harmless, only sharing shows them."""
        if urlsplit(url).scheme not in {"http", "https"}:
            raise BadInput("Slack handed out no upload address", "", "check SLACK_API_URL")
        for attempt in range(ATTEMPTS):
            try:
                self._put(url, content)
            except HTTPError as error:
                if error.code < SERVER_ERROR and error.code != TOO_MANY:
                    raise BadInput("Slack refused an uploaded file", f"status {error.code}", "try again") from None
                time.sleep(_pause(error, attempt))
            except (OSError, HTTPException):
                time.sleep(0.3 * 2**attempt)
            else:
                return
        raise Unavailable("Slack does not take files now", "the upload failed", "Deputy tries again by itself")

    def _put(self, url: str, content: bytes) -> None:
        # The scheme was checked above; no token goes there, the address itself is the permission.
        headers = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(url, data=content, headers=headers, method="POST")  # noqa: S310
        handlers = [urllib.request.ProxyHandler({})] if is_direct(url) else []
        with urllib.request.build_opener(*handlers).open(request, timeout=self._client.timeout) as answer:
            answer.read()


def _pause(error: HTTPError, attempt: int) -> float:
    given = str(error.headers.get("Retry-After") or "")
    return min(float(given), 60.0) if given.isdigit() else 0.3 * 2**attempt
