"""Requests that ask for harm: the rules that tell them, as ``refusals.toml`` writes them, and what they come to."""

from enum import StrEnum

from pydantic import Field

from deputy.domain.value import Value


class HarmCategory(StrEnum):
    """What sort of harm a request asks for."""

    MALWARE = "malware"
    CREDENTIAL_THEFT = "credential-theft"
    EXFILTRATION = "exfiltration"
    AUDIT_TAMPERING = "audit-tampering"
    POLICY_EVASION = "policy-evasion"
    LICENCE_STRIPPING = "licence-stripping"
    BACKDOOR = "backdoor"
    SURVEILLANCE = "surveillance"


class AskModel(StrEnum):
    """When the model is asked for a second opinion on a request that the rules let pass."""

    NEVER = "never"
    WHEN_UNSURE = "when-unsure"
    ALWAYS = "always"


class WhenUnavailable(StrEnum):
    """What becomes of a request whose second opinion can't be had."""

    GO_ON = "go-on"
    REFUSE = "refuse"


class RefusalRule(Value):
    """One harm. Every list holds phrases; a text matches when a clause of it has one of ``asks`` near one of ``about``.

    ``where``, if given, must be in that clause, too. Nothing matches under a phrase of ``unless`` that stands before
    it, or one of ``unless_followed_by`` right after what it is about. ``hints`` alone refuse nothing; they make the
    rules unsure. ``title`` names the harm; ``why`` and ``instead`` are sentences for the person who asked.
    """

    name: str
    category: HarmCategory
    title: str
    why: str
    instead: str
    asks: tuple[str, ...]
    about: tuple[str, ...]
    where: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    unless_followed_by: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


class Defence(Value):
    """What marks a request as protection, whatever the rule.

    ``unless`` and ``unless_followed_by`` are added to every rule's own. ``undone_by`` are the words that turn a phrase
    of ``unless`` around ("remove the check that blocks …"); ``not_meant`` are phrases that only look like one of
    ``unless`` ("don't forget to …").
    """

    unless: tuple[str, ...] = ()
    unless_followed_by: tuple[str, ...] = ()
    undone_by: tuple[str, ...] = ()
    not_meant: tuple[str, ...] = ()


class ModelCheck(Value):
    """Whether a model is asked as well, and what happens when it can't answer."""

    ask: AskModel = AskModel.NEVER
    when_unavailable: WhenUnavailable = WhenUnavailable.GO_ON


class Refusals(Value):
    """All of ``refusals.toml``. Without the file nothing is refused for what it asks."""

    rules: tuple[RefusalRule, ...] = ()
    defence: Defence = Field(default_factory=Defence)
    model: ModelCheck = Field(default_factory=ModelCheck)


class Refusal(Value):
    """Why a request is refused. ``rule`` is a rule's name, or ``model``, whose objections have no category."""

    rule: str
    category: HarmCategory | None
    reason: str
    instead: str


class Grade(StrEnum):
    """How sure the rules are: ``unsure`` is a text with some of the signs, all explained or too weak to refuse."""

    FINE = "fine"
    UNSURE = "unsure"
    HARM = "harm"


class Judgement(Value):
    """What the rules say of a text. ``refusal`` is there when it is harm; ``rules`` are those with any sign in it."""

    grade: Grade
    refusal: Refusal | None = None
    rules: tuple[str, ...] = ()
