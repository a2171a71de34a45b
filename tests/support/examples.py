"""How many examples a law is tried on."""

from hypothesis import settings

QUICK_SHARE = 6


def examples(deep: int) -> int:
    """``deep`` examples in the deep profile (``make test-all``), a sixth of them elsewhere, but never under ten."""
    return deep if settings.get_current_profile_name() == "deep" else max(10, deep // QUICK_SHARE)
