"""Answers by ``response_url``: good for thirty minutes and five uses, with no token."""

from http.client import HTTPException
from typing import Final

from slack_sdk.webhook import WebhookClient

from deputy.adapters.slack.client import is_direct, quiet_logger
from deputy.adapters.slack.posting.blocks import paragraph

OK: Final = 200


def reply_to(url: str, text: str) -> bool:
    """Show a sentence to the person who clicked or typed; False when the address no longer works."""
    client = WebhookClient(url, timeout=10, logger=quiet_logger("webhook"))
    if is_direct(url):
        client.proxy = None
    blocks, fallback = paragraph(text)
    try:
        answer = client.send_dict(
            {"response_type": "ephemeral", "replace_original": False, "text": fallback, "blocks": blocks}
        )
    except (OSError, HTTPException, ValueError):
        return False
    return answer.status_code == OK and '"ok":false' not in answer.body.replace(" ", "")[:200]
