"""A setup's secrets: it has them, and nobody else ever does. Each attempt to leave one behind is made for real."""

import base64
import json
import os
from urllib.parse import quote

import pytest

from deputy.adapters.sandbox.environments.secrets import Finder, Redactor
from deputy.domain.errors import BadInput
from deputy.domain.policy.config import Environment
from deputy.environments import key as key_of
from deputy.ports import EnvironmentSpec
from tests.support.environment_builds import IMAGE, TREE, Steps, builders, ours, sh, spec

pytestmark = pytest.mark.docker

# Nobody's: made up for this test.
VALUE = "acme/registry+token&of=nobody"
SECRETS = {"ACME_TOKEN": VALUE}


def with_secrets(*setup: tuple[str, ...], secrets: dict[str, str] | None = None, **more: object) -> EnvironmentSpec:
    one = spec(*setup, **more)  # type: ignore[arg-type]
    return EnvironmentSpec(one.repo, one.key, IMAGE, one.environment, TREE, secrets or SECRETS)


def test_setup_has_secrets_and_the_image_has_not(environments, engine):
    steps = Steps()
    wanted = with_secrets(
        sh('test "$ACME_TOKEN" = "$(cat /run/secrets/ACME_TOKEN)" && echo same; echo "auth=$ACME_TOKEN" > ~/.npmrc'),
        sh("echo $ACME_TOKEN > /tmp/token; echo $ACME_TOKEN > token; echo fine > /opt/fine"),
    )
    image = engine.images.get(environments.build(wanted, steps))
    assert b"same" in steps.output
    assert VALUE not in json.dumps([image.attrs, image.history()])
    assert Finder(SECRETS).find(image.save()) == "", "no layer has it, not even below another"


def test_only_the_command_itself_has_a_secret(environments):
    steps = Steps()
    environments.build(
        with_secrets(sh("cat /proc/1/environ | wc -c; ls -l /run/secrets | tail -n +2 | cut -c1-10")), steps
    )
    assert steps.output.split(b"\n")[-3:] == [b"0", b"-r--------", b""]


@pytest.mark.parametrize(
    ("setup", "path"),
    [
        ('echo "//registry.npmjs.org/:_authToken=$ACME_TOKEN" > ~root/.npmrc', "root/.npmrc"),
        ('printf "[global]\\nproxy = https://build:%s@proxy.example" "$ACME_TOKEN" > /etc/pip.conf', "etc/pip.conf"),
        (
            "python3 -m venv --without-pip /opt/v; echo \"TOKEN = '$ACME_TOKEN'\" > /opt/v/lib/token.py",
            "opt/v/lib/token.py",
        ),
        ('printf "user:%s" "$ACME_TOKEN" | base64 -w0 > /opt/auth', "opt/auth"),
        ('head -c 3000001 /dev/zero > /opt/big; echo "$ACME_TOKEN" >> /opt/big', "opt/big"),
        ("mkdir -p deps/x; cp /run/secrets/ACME_TOKEN deps/x/y", "opt/deputy/kept/deps/x/y"),
        ('ln -s "$(echo "$ACME_TOKEN" | tr / _)" /opt/one; ln -s "$ACME_TOKEN" /opt/two', "opt/two"),
    ],
)
def test_a_secret_that_setup_leaves_behind_is_found_and_nothing_is_kept(environments, engine, setup, path):
    keep = ("deps",) if "deps" in setup else ()
    wanted = with_secrets(sh(setup), keep=keep)
    before = {image.id for image in ours(engine)}
    with pytest.raises(BadInput) as caught:
        environments.build(wanted, Steps())
    assert caught.value.why == f"its setup left the secret ACME_TOKEN in /{path}"
    assert environments.find(wanted.repo, wanted.key) == ""
    assert {image.id for image in ours(engine)} == before
    assert builders(engine) == []


def test_a_secret_in_the_name_of_a_file_is_not_shown_either(environments):
    wanted = with_secrets(
        sh('mkdir -p /opt/names && touch "/opt/names/$ACME_TOKEN"'), secrets={"ACME_TOKEN": "nobodys-token"}
    )
    with pytest.raises(BadInput) as caught:
        environments.build(wanted, Steps())
    assert caught.value.why == "its setup left the secret ACME_TOKEN in /opt/names"


def test_output_with_a_secret_is_masked_wherever_it_is_shown(environments):
    slowly = 'for c in $(echo "$ACME_TOKEN" | fold -w 3); do printf %s "$c"; sleep 0.05; done'
    leak = sh(f'echo "token: $ACME_TOKEN"; {slowly}; exit 1')
    steps = Steps()
    with pytest.raises(BadInput) as caught:
        environments.build(with_secrets(leak), steps)
    assert steps.output == b"token: [secret ACME_TOKEN]\n[secret ACME_TOKEN]"
    assert caught.value.why == "token: [secret ACME_TOKEN]\n[secret ACME_TOKEN]"
    assert VALUE not in str(caught.value)


def test_a_short_secret_is_refused(environments):
    with pytest.raises(BadInput, match="secret ACME_TOKEN is too short"):
        environments.build(with_secrets(("true",), secrets={"ACME_TOKEN": "abc"}), Steps())


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "\0\0\0\0"])
@pytest.mark.parametrize("after", ["", "x", "yz", "\n"])
def test_other_forms_of_a_secret_are_found_wherever_they_stand(before, after):
    finder = Finder(SECRETS)
    text = before + VALUE + after
    for form in (base64.b64encode(text.encode()), base64.urlsafe_b64encode(text.encode()), quote(text).encode()):
        assert finder.find([b"x" * 5, form[:7], form[7:], b"y" * 5]) == "ACME_TOKEN"
    assert finder.find([text.replace("token", "TOKEN").encode()]) == ""


def test_a_key_of_several_lines_is_found_by_each_of_them():
    key = "-----BEGIN NOTHING-----\n" + "\n".join(f"line number {n} of a key" for n in range(3)) + "\n"
    assert Finder({"KEY": key}).find([b"x = 'line number 1 of a key'"]) == "KEY"
    assert Redactor({"KEY": key}).redact(key.encode()).strip() == b"[secret KEY]"


def test_pieces_are_masked_as_a_whole_is():
    text = f"a {VALUE} b acme/regis c {VALUE}{VALUE}acme".encode()
    for size in range(1, 12):
        redactor = Redactor(SECRETS)
        shown = b"".join(redactor.feed(text[at : at + size]) for at in range(0, len(text), size)) + redactor.rest()
        mask = b"[secret ACME_TOKEN]"
        assert shown == b"a " + mask + b" b acme/regis c " + mask + mask + b"acme"


def test_a_secret_in_a_file_whose_name_is_no_utf8_is_found(environments):
    environment = Environment(setup=(sh("echo $SHOP_TOKEN > \"$(printf '/opt/\\377')\""),), secrets=("SHOP_TOKEN",))
    key = key_of(environment, os.urandom(8).hex(), {})
    value = {"SHOP_TOKEN": "made-up-for-this-test"}
    with pytest.raises(BadInput, match="SHOP_TOKEN"):
        environments.build(EnvironmentSpec("acme/shop", key, IMAGE, environment, {}, secrets=value), Steps())
