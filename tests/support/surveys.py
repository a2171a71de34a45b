"""Surveys of repositories that are made of a few files."""

from deputy.domain.policy.config import Check
from deputy.environments import Proposal, Topic, survey

PIP = "/opt/env/bin/pip install"


TEST = "def test_a():\n    assert True\n"


def of(tree: dict[str, str]) -> Proposal:
    return survey(tree, {path: text.encode() for path, text in tree.items()}.get)


def setup(proposal: Proposal) -> list[str]:
    return [finding.text for finding in proposal.about(Topic.SETUP)]


def runs(proposal: Proposal) -> dict[str, str]:
    return {check.name: " ".join(check.run) for check in proposal.checks}


def said(proposal: Proposal, topic: Topic) -> list[str]:
    return [finding.text for finding in proposal.about(topic)]


def check_of(proposal: Proposal, name: str) -> Check:
    return next(check for check in proposal.checks if check.name == name)


def package(test: str = "vitest run", **more: str) -> str:
    fields = {"scripts": f'{{"test": "{test}", "lint": "eslint ."}}', "devDependencies": '{"vitest": "1"}', **more}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"
