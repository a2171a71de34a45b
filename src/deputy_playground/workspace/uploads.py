"""Files: an upload address, the bytes, the sharing, the download."""

import mimetypes
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from deputy_playground.personas import BOT_USER, TEAM, Channel
from deputy_playground.wire import Json, SlackError, new_id
from deputy_playground.workspace.workspace import Workspace

_KINDS = {
    "patch": "diff",
    "diff": "diff",
    "json": "javascript",
    "py": "python",
    "md": "markdown",
    "txt": "text",
    "log": "text",
}


@dataclass(frozen=True)
class Ticket:
    """An upload that was announced: its file id, name and length in bytes."""

    file: str
    name: str
    length: int


class Uploads:
    """Announced and finished files of a workspace. ``base`` is the server's address without a slash at the end."""

    def __init__(self, workspace: Workspace, base: str) -> None:
        self._workspace = workspace
        self._base = base
        self._tickets: dict[str, Ticket] = {}
        self._received: dict[str, Ticket] = {}
        self._files = dict(workspace.shelf.all("file"))

    def announce(self, name: str, length: int) -> Json:
        """The answer of ``files.getUploadURLExternal``."""
        if length <= 0:
            raise SlackError("invalid_arguments", "must be greater than 0 [json-pointer:/length]")
        ticket = Ticket(new_id("F"), name, length)
        address = secrets.token_urlsafe(24)
        self._tickets[address] = ticket
        return {"ok": True, "upload_url": f"{self._base}/upload/v1/{address}", "file_id": ticket.file}

    def receive(self, address: str, content: bytes) -> int:
        """Take the bytes of an announced upload; returns their number. A wrong length is refused."""
        ticket = self._tickets.get(address)
        if ticket is None:
            raise SlackError("invalid_upload_url")
        if len(content) != ticket.length:
            raise SlackError("length_mismatch")
        self._workspace.shelf.write(ticket.file, content)
        self._received[ticket.file] = self._tickets.pop(address)
        return len(content)

    def complete(
        self, wanted: Sequence[Json], channel: Channel | None, thread: str, comment: str, blocks: object
    ) -> Json:
        """Finish uploads and share them in one message, as ``files.completeUploadExternal`` does."""
        tickets = [self._received.get(str(item.get("id"))) for item in wanted]
        if not tickets or not all(tickets):
            raise SlackError("file_not_found")
        files = [self._finish(ticket, item) for ticket, item in zip(tickets, wanted, strict=True) if ticket]
        if channel is not None:
            self._share(files, channel, thread, comment, blocks)
        return {"ok": True, "files": files}

    def _finish(self, ticket: Ticket, item: Json) -> Json:
        del self._received[ticket.file]
        extension = ticket.name.rpartition(".")[2].lower() if "." in ticket.name else "text"
        where = f"{self._base}/files-pri/{TEAM}-{ticket.file}"
        record: Json = {
            "id": ticket.file,
            "created": int(self._workspace.clock()),
            "timestamp": int(self._workspace.clock()),
            "name": ticket.name,
            "title": item.get("title") or ticket.name,
            "mimetype": mimetypes.guess_type(ticket.name)[0] or "text/plain",
            "filetype": _KINDS.get(extension, extension),
            "pretty_type": _KINDS.get(extension, extension).capitalize(),
            "user": BOT_USER,
            "user_team": TEAM,
            "editable": False,
            "size": ticket.length,
            "mode": "hosted",
            "is_external": False,
            "is_public": True,
            "display_as_bot": False,
            "url_private": f"{where}/{ticket.name}",
            "url_private_download": f"{where}/download/{ticket.name}",
            "permalink": f"{self._base}/#file/{ticket.file}",
            "file_access": "visible",
            "shares": {},
        }
        self._keep(record)
        return dict(record)

    def _share(self, files: list[Json], channel: Channel, thread: str, comment: str, blocks: object) -> None:
        more: Json = {"blocks": blocks} if blocks else {}
        message = self._workspace.post(
            channel, BOT_USER, comment, thread=thread, subtype="file_share", files=files, upload=True, **more
        )
        share: Json = {"ts": message["ts"], "share_user_id": BOT_USER, "source": "UNKNOWN"}
        if "thread_ts" in message:
            share["thread_ts"] = message["thread_ts"]
        for record in files:
            self._keep(record | {"shares": {"public": {channel.id: [share]}}, "channels": [channel.id]})

    def _keep(self, record: Json) -> None:
        self._files[record["id"]] = record
        self._workspace.shelf.put("file", record["id"], record)

    def info(self, file: str) -> Json:
        """A finished file's record, or ``file_not_found``."""
        try:
            return self._files[file]
        except KeyError:
            raise SlackError("file_not_found") from None

    def content(self, file: str) -> bytes:
        """A finished file's bytes, or ``file_not_found``."""
        return self._workspace.shelf.read(self.info(file)["id"])

    def delete(self, file: str) -> None:
        """Forget a file."""
        self.info(file)
        del self._files[file]
        self._workspace.shelf.drop("file", file)
