"""Tells the events of a task to people: who asked, who allowed, by which rule, what ran, what changed, who signed."""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from pydantic import JsonValue

from deputy.domain.events import Event, EventName

MAX_CHARACTERS = 300
ERASED = "(erased)"

# ``{a.b}`` is a fact, ``{a:12}`` its first 12 characters; ``[…]`` is left out when a fact in it is missing or empty.
_E = EventName
SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        _E.REQUEST_RECEIVED: "{who} asked: “{text}”",
        _E.REQUEST_IGNORED: "{who} was not listened to: {reason}",
        _E.REQUEST_EDITED: "{who} edited or deleted the message afterwards; the snapshot stays",
        _E.REQUEST_UNUSABLE: "{who} wrote something that can't be used: {reason}",
        _E.QUESTION_ASKED: "Deputy asked for the {field}[, offering {choices}]",
        _E.QUESTION_ANSWERED: "{who} answered[: {value}][: “{text}”]",
        _E.POLICY_LOADED: "policy {policy:12} came into force",
        _E.POLICY_BROKEN: "the policy can't be loaded[: {reason}]",
        _E.POLICY_MENDED: "the policy can be loaded again[: {policy:12}]",
        _E.REQUEST_HARMFUL: "{who} asked for harm[ (rule {rule})][: “{text}”]",
        _E.TASK_UNDERSTOOD: "understood as {spec.kind} in {spec.repo}[; policy {policy:12}][: {decisions}]",
        _E.TASK_REFUSED: "refused: {outcome}[ ({decision})]",
        _E.TASK_QUEUED: "queued[ for {spec.repo}][; policy {policy:12}][: {decisions}][, granted by hold {hold}]",
        _E.TASK_BLOCKED: "blocked: {outcome}[ ({decision})]",
        _E.TASK_CANCELLED: "{who} cancelled the task[: {outcome}]",
        _E.TASK_CANCEL_ASKED: "{who} asked to cancel the task",
        _E.TASK_FAILED: "failed: {outcome}",
        _E.TASK_EXPIRED: "expired: {outcome}",
        _E.TASK_REJECTED: "rejected: {outcome}",
        _E.RUN_CALLED: "run {run}'s turn came[, after {waited} s in line]",
        _E.RUN_STARTED: "run {run} started: {worker} on commit {base:12}, under policy {policy:12}",
        _E.RUN_BEGUN: "run {run} began, attempt {attempt}",
        _E.RUN_RETRIED: "run {run} is tried once more: {why}",
        _E.RUN_COMMAND: "ran `{argv}`: exit status {exit_code}, {seconds} s[ (timed out: {timed_out})][; log {log:12}]",
        _E.RUN_TURN: "the agent took turn {turn}[: {calls}]",
        _E.PATCH_COMPUTED: "patch {patch:12} computed[: {files}]",
        _E.CHECKS_FINISHED: "checked in fresh sandboxes[: {checks}]",
        _E.GATES_JUDGED: "policy and gates on the patch: {effect}[, by {rules}][; needs {needs}][; found {findings}]",
        _E.SIGN_OFF_NEEDED: "sign-off is needed: {why}",
        _E.HOLD_OPENED: "waiting for {kind} by {needs}[, not by {excluded}][: {why}]",
        _E.HOLD_GRANTED: "granted[: {standing}]",
        _E.HOLD_DENIED: "denied[: {standing}]",
        _E.HOLD_EXPIRED: "nobody decided in time",
        _E.HOLD_VOIDED: "what was signed no longer counts[: {why}]",
        _E.HOLD_REMINDED: "approvers were reminded[, for the {number}. time]",
        _E.VOTE_CAST: "{who} voted {choice}[, as {roles}]",
        _E.VOTE_REFUSED: "{who} tried to {choice}; refused: {reason}",
        _E.DELIVERY_STARTED: "delivery began[ of patch {patch:12}]",
        _E.DELIVERY_PACKED: "the patch file {file:12} was made",
        _E.BASE_MOVED: "the branch moved[ to {tip:12}][: {why}]",
        _E.DELIVERY_FINISHED: "delivered[: patch {patch:12}][, file {file:12}][, evidence {proof:12}]",
        _E.AUDIT_QUERIED: "{who} queried the audit trail[: {query}][ (allowed: {allowed})]",
        _E.COMMAND_RECEIVED: "{who} sent the command {command}[ {arguments}]",
        _E.CLICK_IGNORED: "{who} clicked[ {action}]; ignored: {reason}",
        _E.MESSAGE_FAILED: "a message could not be sent: {error}",
        _E.ENVIRONMENT_BUILT: "the environment of {repo} was built in {seconds} s: {image}[; hosts: {hosts}]",
        _E.ENVIRONMENT_FAILED: "the environment of {repo} could not be built: {what}[: {why}]",
        _E.NETWORK_OPENED: "the sandbox may reach {hosts}[ ({decisions})]",
        _E.NETWORK_USED: "{host}:{port}: {connections} connections, {sent} B sent, {received} B received[; {refused}]",
        _E.ORPHANS_REMOVED: "left-over sandboxes were removed: {names}",
        _E.SERVICE_STARTED: "Deputy started",
    }
)
_PART = re.compile(r"\[([^\[\]]*)\]")
_FACT = re.compile(r"\{([a-z_.]+)(?::(\d+))?\}")


class Recorded(Protocol):
    """An event with its number in the trail."""

    @property
    def seq(self) -> int:
        """Its number, from 1."""

    @property
    def event(self) -> Event:
        """What happened."""


def story(recorded: Iterable[Recorded], names: Mapping[str, str] = MappingProxyType({})) -> str:
    """One line per event: number, time (UTC) and a sentence. ``names`` maps subjects to names for showing."""
    return "\n".join(
        f"{one.seq:>4}  {one.event.at:%Y-%m-%d %H:%M:%S}  {describe(one.event, names)}" for one in recorded
    )


def describe(event: Event, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """An event as one sentence on one line; hostile text in it can't make a second one."""
    template = SENTENCES.get(event.name)
    if template is None:
        facts = ", ".join(f"{key}={_say(key, value)}" for key, value in {**event.data, **event.personal}.items())
        return _one_line(f"{_who(event.actor, names)}: {event.name} {facts}".strip())

    def fact(found: re.Match[str]) -> str:
        said = _who(event.actor, names) if found[1] == "who" else _fact(event, found[1])
        return said[: int(found[2])] if found[2] else said

    def part(found: re.Match[str]) -> str:
        return found[1] if all(_fact(event, key[1]) for key in _FACT.finditer(found[1])) else ""

    return _one_line(_FACT.sub(fact, _PART.sub(part, template)))


def _who(actor: str, names: Mapping[str, str]) -> str:
    return names.get(actor) or ("Deputy" if actor == "deputy" else actor.rpartition("/")[2])


def _fact(event: Event, path: str) -> str:
    if path == "text":
        return event.personal.get("text", ERASED if event.name == EventName.REQUEST_RECEIVED else "")
    value: JsonValue = event.data
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return _say(path, value)


def _say(key: str, value: JsonValue) -> str:
    """A fact in words; empty when there is nothing to say."""
    if isinstance(value, bool):
        return "yes" if value else ("no" if key == "allowed" else "")
    if isinstance(value, list):
        words = [_say(key, item) for item in value]
        return _JOINS.get(key, ", ".join)([word for word in words if word])
    if isinstance(value, dict):
        return _decision(value)
    return "" if value is None else str(value)


def _decision(value: Mapping[str, JsonValue]) -> str:
    """A policy decision: what it speaks of, what it says, and by which rules."""
    if "effect" not in value:
        return ", ".join(f"{key}={_say(key, item)}" for key, item in value.items())
    rules = value.get("rules")
    ids = [str(rule.get("id")) for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    return f"{value.get('action', '')} {value['effect']} by {', '.join(ids) or 'no rule'}".strip()


def _changes(files: list[str]) -> str:
    """``modified path`` of each entry; modes and blobs stay in the trail."""
    return ", ".join(re.sub(r" \d{6}>\d{6} [0-9a-f]+$", "", file) for file in files)


_JOINS: Mapping[str, Callable[[list[str]], str]] = MappingProxyType(
    {"argv": shlex.join, "arguments": " ".join, "decisions": "; ".join, "checks": "; ".join, "findings": "; ".join}
    | {"files": _changes}
)


def _one_line(text: str) -> str:
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= MAX_CHARACTERS else plain[: MAX_CHARACTERS - 1] + "…"
