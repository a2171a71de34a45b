"""Addresses and tokens as people paste them: used when they can be, one sentence when not."""

from datetime import UTC, datetime

import pytest

from deputy.adapters.llm import make_model
from deputy.adapters.slack.client import api_base, build_client
from deputy.adapters.slack.events import read_clicks, read_command
from deputy.adapters.slack.identity import Identity
from deputy.app.settings import Settings
from deputy.domain.errors import BadInput

BROKEN = ["nonsense", "http://[::1", "ftp://x/v1", "http://127.0.0.1:x/v1", "http://:80/"]


@pytest.mark.parametrize("address", BROKEN)
def test_a_broken_address_names_its_variable(address):
    with pytest.raises(BadInput, match="SLACK_API_URL"):
        api_base(address)
    for api in ("responses", "chat"):
        with pytest.raises(BadInput, match="OPENAI_BASE_URL"):
            make_model(api, "m", address, "key")


def test_stray_blanks_are_dropped(monkeypatch):
    monkeypatch.setenv("SLACK_API_URL", " http://127.0.0.1:1/api \n")
    assert api_base(Settings().slack_api_url) == "http://127.0.0.1:1/api/"
    assert build_client("xoxb-1\n").token == "xoxb-1"
    make_model("chat", "m", " http://127.0.0.1:1/v1\n", "key")


@pytest.mark.parametrize("token", ["xoxb-9 –x", "xoxb-\x00", "xoxb-a\nb"])
def test_a_token_that_no_header_can_carry(token):
    with pytest.raises(BadInput, match="SLACK_BOT_TOKEN"):
        build_client(token)


def test_an_organisation_named_in_place_of_the_workspace():
    home = Identity(team="T9", user="U9BOT", bot="B9", enterprise="E9")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    action = {"action_id": "deputy.approve", "value": "x", "action_ts": "1.2"}
    body = {"container": {"channel_id": "C9", "message_ts": "1.1"}, "actions": [action]}
    for named, team in (("E9", "T9"), ("T9", "T9"), ("T7", "T7"), ("E7", "E7")):
        assert read_clicks({**body, "user": {"id": "W9", "team_id": named}}, home, at)[0].actor.team == team
        asked = read_command({"user_id": "W9", "trigger_id": "t", "team_id": named}, home, at)
        assert asked is not None
        assert asked.actor.team == team
