"""The one order of effects and severities: which of two is stricter."""

from collections.abc import Iterable

from deputy.domain.policy.decision import Effect, Severity

_EFFECTS = (Effect.ALLOW, Effect.REVIEW, Effect.DENY)
_SEVERITIES = (Severity.ADVISE, Severity.REVIEW, Severity.DENY)
_EFFECT_OF = dict(zip(_SEVERITIES, _EFFECTS, strict=True))


def strictest_effect(effects: Iterable[Effect]) -> Effect:
    """The strictest of one or more effects: deny over review over allow."""
    return max(effects, key=_EFFECTS.index)


def is_stricter_effect(one: Effect, other: Effect) -> bool:
    """Whether ``one`` lets less happen than ``other``."""
    return _EFFECTS.index(one) > _EFFECTS.index(other)


def effect_of_severity(severity: Severity) -> Effect:
    """What a finding of this severity amounts to."""
    return _EFFECT_OF[severity]


def strictness(severity: Severity) -> int:
    """The place of a severity in the order, the mildest first, counted from 0."""
    return _SEVERITIES.index(severity)


def stricter(one: Severity, other: Severity) -> Severity:
    """The stricter of two severities."""
    return max(one, other, key=strictness)


def milder(one: Severity, other: Severity) -> Severity:
    """The milder of two severities."""
    return min(one, other, key=strictness)
