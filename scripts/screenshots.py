"""Takes the README's pictures: a real Deputy in the playground, in headless Chromium. Needs `make test`'s set-up."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from deputy_playground.site import Site

ALICE, SAM, BOT, CHANNEL = "U0ALICE", "U0SAM", "U0DEPUTY", "C0SHOP"
IMAGES = Path(__file__).parents[1] / "docs" / "images"
FLAGS = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
REQUESTS = (
    ("lint", "can you just fix the lint in `shop`", "Delivered"),
    ("secrets", "can you just rotate the key in `secrets/prod.env` of `shop`", "Refused"),
    ("unclear", "can you just rename `_block` to `render_block`", "Which repository"),
    (
        "refunds",
        "can you just fix: refunds of split payments are rounded wrong, with a regression test, in `shop`",
        "Waiting for sign-off",
    ),
)


def main() -> None:
    """Play four requests and photograph each thread, the last one before and after the sign-off."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="deputy-pictures-"))
    with Site(folder) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", *FLAGS])
        page = browser.new_page(viewport={"width": 1440, "height": 1080})
        for name, text, ends in REQUESTS:
            thread = site.slack.say(ALICE, CHANNEL, f"<@{BOT}> {text}")
            site.slack.wait_for(lambda t=thread, e=ends: said(site, t, e), 120)  # type: ignore[misc]
            shoot(page, site, SAM if name == "refunds" else ALICE, thread, name)
        card = next(m for m in site.slack.thread(CHANNEL, thread) if any(b.label == "Approve" for b in m.buttons))
        site.slack.click(SAM, CHANNEL, card.ts, "Approve")
        site.slack.wait_for(lambda: said(site, thread, "is delivered"), 120)
        shoot(page, site, ALICE, thread, "thread")
        browser.close()
    shutil.rmtree(folder)


def said(site: Site, thread: str, text: str) -> bool:
    """Whether Deputy said this in the thread."""
    return any(m.user == BOT and text in m.text for m in site.slack.thread(CHANNEL, thread))


def shoot(page: Page, site: Site, user: str, thread: str, name: str) -> None:
    """One picture of one thread, as one person sees it."""
    page.goto("about:blank")
    page.goto(f"{site.slack.url}/?as={user}#{CHANNEL}/{thread}")
    page.wait_for_timeout(1500)
    page.screenshot(path=str(IMAGES / f"{name}.png"))


if __name__ == "__main__":
    main()
