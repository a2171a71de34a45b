"""Amounts of money, in whole cents."""


def format_cents(cents: int, currency: str = "EUR") -> str:
    """1999 -> "19.99 EUR"."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d} {currency}"


def percent_of(cents: int, percent: int) -> int:
    """A percentage of an amount, rounded half up to a whole cent."""
    return (cents * percent + 50) // 100
