"""Results for people and for machines."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from benchmarks.measuring import Benchmark, Comparison, Series

TAIL = (0.50, 0.95, 0.99)


def in_words(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} µs"


def lines(benchmark: Benchmark, found: Sequence[Comparison]) -> list[str]:
    """A benchmark's results as text."""
    told = ["", f"{benchmark.name}: {benchmark.question}"]
    for each in found:
        told += [f"  {_series(each.ours, each)}", f"  {_series(each.baseline, each)}"]
        told.append(f"    {_verdict(each)}")
        told += [f"    {note}" for note in each.notes]
    return told


def _verdict(each: Comparison) -> str:
    ratio = f"ratio {each.ratio:.3g}"
    if each.ratio >= 1:
        return f"{ratio}: {in_words(each.difference)} more"
    faster = 1 / each.ratio
    times = f"{faster:.1f}" if faster < 10 else f"{faster:,.0f}"
    return f"{ratio}: {times} times as fast, {in_words(-each.difference)} less"


def _series(series: Series, each: Comparison) -> str:
    low, high = series.quartiles
    spread = f"({in_words(low)} to {in_words(high)}, n={len(series.seconds)})"
    text = f"{series.name:<46} {in_words(series.median):>8}  {spread}"
    if each.is_rate:
        text += f"  {1 / series.median:,.0f} per second"
    if each.has_tail:
        text += "  " + ", ".join(f"p{share * 100:.0f} {in_words(series.quantile(share))}" for share in TAIL)
    return text


def as_json(host: Mapping[str, str], found: Mapping[str, Sequence[Comparison]]) -> dict[str, JsonValue]:
    """Everything, with every single time, in seconds."""
    return {
        "machine": dict(host),
        "unit": "seconds",
        "benchmarks": {name: [_comparison(each) for each in results] for name, results in found.items()},
    }


def _comparison(each: Comparison) -> dict[str, JsonValue]:
    return {
        "ratio": each.ratio,
        "difference": each.difference,
        "ours": _values(each.ours),
        "baseline": _values(each.baseline),
        "notes": list(each.notes),
    }


def _values(series: Series) -> dict[str, JsonValue]:
    quantiles: dict[str, JsonValue] = {f"p{share * 100:.0f}": series.quantile(share) for share in (*TAIL, 0.25, 0.75)}
    return {"name": series.name, "median": series.median, "quantiles": quantiles, "all": list(series.seconds)}
