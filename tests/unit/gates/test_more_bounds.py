"""The bounds of the gates: nothing at a bound, something one over it; and what a report and a short list say."""

import hashlib
import json
from collections.abc import Mapping

import pytest

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.config import GateLevel
from deputy.domain.policy.decision import Action, ApprovalRequirement, Decision, Effect, Severity
from deputy.domain.review.finding import Finding
from deputy.gates import GATES, inspect, report, shorten
from deputy.gates.framework.likeness import matches_one, resembles
from deputy.gates.framework.patch_under_review import PatchUnderReview
from tests.support.planted import github_token

MAIL = "alice.marsh" + "@" + "shopmail.de"  # so that this file holds nobody's address
ALLOWED = Decision(effect=Effect.ALLOW, action=Action.EDIT, subject="user:T0ACME/U0ALICE", repo="acme/shop", policy="p")


def change(files: Mapping[str, tuple[str | None, str]], mode: str = "100644", **lines: int) -> TreeChange:
    """A patch that writes these files: each path with its text before, None where there was none, and after."""
    changes = tuple(
        FileChange(
            path=path,
            kind=ChangeKind.ADDED if before is None else ChangeKind.MODIFIED,
            old_mode="000000" if before is None else "100644",
            new_mode=mode,
            old_blob="a",
            new_blob="b",
            added_lines=lines.get("added", 0),
            removed_lines=lines.get("removed", 0),
        )
        for path, (before, _) in files.items()
    )
    return TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=changes)


def told(gate: str, files: Mapping[str, tuple[str | None, str]], mode: str = "100644", **lines: int) -> list[str]:
    def read(side: str, path: str) -> bytes | None:
        text = files[path][side == "head"] if path in files else None
        return None if text is None else text.encode()

    findings = GATES[gate](PatchUnderReview(change(files, mode, **lines), read))
    return [f"{f.severity} {f.rule} [{f.path}:{f.line}] {f.message}" for f in findings]


# ---------------------------------------------------------------------------------------------------------- size


@pytest.mark.parametrize(
    ("added", "removed", "expected"),
    [
        (2_000, 0, []),
        (1_000, 1_001, ["review size/changed-lines [:0] 2,001 changed lines, over the bound of 2,000"]),
        (50_000, 0, ["review size/changed-lines [:0] 50,000 changed lines, over the bound of 2,000"]),
        (50_000, 1, ["deny size/changed-lines [:0] 50,001 changed lines, over the bound of 50,000"]),
    ],
)
def test_lines_are_counted_on_both_sides(added: int, removed: int, expected: list[str]) -> None:
    assert told("size", {"a.txt": ("a", "b")}, added=added, removed=removed) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (200, []),
        (201, ["review size/files [:0] 201 files, over the bound of 200"]),
        (5_000, ["review size/files [:0] 5,000 files, over the bound of 200"]),
        (5_001, ["deny size/files [:0] 5,001 files, over the bound of 5,000"]),
    ],
)
def test_files_are_counted(count: int, expected: list[str]) -> None:
    assert told("size", {f"{number}.txt": (None, "x") for number in range(count)}) == expected


_KIB, _MIB = 1024, 1024**2
_ONE, _ALL = "size/bytes-in-one-file", "size/bytes-in-all"


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((512 * _KIB,), []),
        ((512 * _KIB + 1,), [f"review {_ONE} [0.txt:0] 524,289 bytes in one file, over the bound of 524,288"]),
        (
            (8 * _MIB,),
            [
                f"review {_ALL} [:0] 8,388,608 bytes in all, over the bound of 4,194,304",
                f"review {_ONE} [0.txt:0] 8,388,608 bytes in one file, over the bound of 524,288",
            ],
        ),
        (
            (8 * _MIB + 1,),
            [
                f"review {_ALL} [:0] 8,388,609 bytes in all, over the bound of 4,194,304",
                f"deny {_ONE} [0.txt:0] 8,388,609 bytes in one file, over the bound of 8,388,608",
            ],
        ),
        ((512 * _KIB,) * 8, []),
        ((512 * _KIB,) * 8 + (1,), [f"review {_ALL} [:0] 4,194,305 bytes in all, over the bound of 4,194,304"]),
        ((512 * _KIB,) * 128, [f"review {_ALL} [:0] 67,108,864 bytes in all, over the bound of 4,194,304"]),
        ((512 * _KIB,) * 128 + (1,), [f"deny {_ALL} [:0] 67,108,865 bytes in all, over the bound of 67,108,864"]),
    ],
)
def test_bytes_are_counted_for_each_file_and_for_all(sizes: tuple[int, ...], expected: list[str]) -> None:
    texts = {size: "x" * size for size in set(sizes)}
    assert told("size", {f"{number}.txt": (None, texts[size]) for number, size in enumerate(sizes)}) == expected


def test_a_links_target_is_no_content() -> None:
    for gate in ("size", "binary", "text-tricks", "generated", "suppressions", "personal-data"):
        assert told(gate, {"x.py": (None, "# noqa @generated \u202e \0 " + MAIL + "y" * 600_000)}, mode="120000") == []


# ---------------------------------------------------------------------------------------------------- within a file


def test_a_generated_mark_counts_in_the_first_forty_lines() -> None:
    mark = "# @generated\n"
    assert [line.split()[2] for line in told("generated", {"x.py": (None, "\n" * 39 + mark)})] == ["[x.py:40]"]
    assert told("generated", {"x.py": (None, "\n" * 40 + mark)}) == []
    assert told("generated", {"x.py": ("\n" * 39 + mark, "#\n" + mark)}) == []
    assert len(told("generated", {"x.py": ("\n" * 40 + "# do not edit\n", mark)})) == 1


def test_a_line_of_code_is_long_over_two_thousand_characters() -> None:
    assert told("generated", {"x.py": (None, "b" * 2_000), "z.md": (None, "b" * 2_001)}) == []
    assert told("generated", {"x.py": (None, "a\n" + "b" * 2_001)}) == [
        "review generated/long-line [x.py:2] A line of code with 2,001 characters: no diff shows it whole"
    ]


@pytest.mark.parametrize(("count", "more"), [(20, 0), (21, 1), (1_022, 1_002)])
def test_twenty_places_of_one_kind_are_named_and_the_rest_counted(count: int, more: int) -> None:
    lines = told("personal-data", {"x.py": (None, f"m = '{MAIL}'\n" * count)})
    assert [line.partition("]")[0] for line in lines[:20]] == [
        f"review personal-data/email [x.py:{number}" for number in range(1, 21)
    ]
    text = f"{more:,} more places with personal data of this kind (email) in this file"
    assert lines[20:] == ([f"review personal-data/many [x.py:0] {text}"] if more else [])


def test_of_a_long_line_the_beginning_is_looked_at() -> None:
    space = 20_000 - len(MAIL)
    assert len(told("personal-data", {"x.py": (None, " " * space + MAIL)})) == 1
    assert told("personal-data", {"x.py": (None, " " * (space + len(MAIL)) + MAIL)}) == []


@pytest.mark.parametrize(("rows", "is_asked"), [(4, False), (5, True)])
def test_five_added_rows_make_a_table_of_people(rows: int, is_asked: bool) -> None:
    before = "name,iban\n"
    added = "".join(f"row {number}\n\n" for number in range(rows))
    assert bool(told("personal-data", {"p.csv": (before, before + added)})) is is_asked
    assert told("personal-data", {"p.py": (before, before + added)}) == []


# ---------------------------------------------------------------------------------------------------------- links

_LINK_FROM = "a/b/x"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("../../c", "review paths/link"),
        ("../../../c", "deny paths/link-escapes"),
        (".//../../c", "review paths/link"),
        (".//../../../c", "deny paths/link-escapes"),
        ("./././../../../c", "deny paths/link-escapes"),
        ("c:x", "deny paths/link-escapes"),
        ("C:x", "deny paths/link-escapes"),
        ("cc:x", "review paths/link"),
        ("d/..", "review paths/link"),
        ("caf\u00e9", "review paths/link"),
    ],
)
def test_a_links_target_is_walked_step_by_step(target: str, said: str) -> None:
    (line,) = told("paths", {_LINK_FROM: (None, target)}, mode="120000")
    assert line.startswith(f"{said} [{_LINK_FROM}:0] ")


def test_a_links_target_that_is_no_text_is_still_judged() -> None:
    patch = change({_LINK_FROM: (None, "")}, mode="120000")
    (finding,) = GATES["paths"](PatchUnderReview(patch, lambda side, path: b"caf\xe9" if path == _LINK_FROM else None))
    assert (finding.rule, finding.severity) == ("paths/link", Severity.REVIEW)
    assert "caf\ufffd" in finding.message


# ------------------------------------------------------------------------------------------------- many globs at once


@pytest.mark.parametrize(
    ("patterns", "path", "is_one"),
    [
        (("**/x.py",), "x.py", True),
        (("**/x.py",), "a/b/x.py", True),
        (("**/x.py",), "a/xx.py", False),
        (("**/x.py",), "x.py/a", False),
        (("**/x.py", "**/y.py"), "a/y.py", True),
        (("a/x.py",), "a/x.py", True),
        (("a/x.py",), "b/a/x.py", False),
        (("x.py",), "a/x.py", False),
        (("**/a/**",), "b/a/c", True),
        (("**/a/**",), "b/ac", False),
        (("a/**", "**/x.py", "b/**"), "b/c", True),
        (("**/*.y*ml",), "a/b\nc.yaml", True),
        (("a/*",), "a/b\nc", True),
        (("**/a/**",), "a/b\nc/d", True),
        (("**/!x",), "a/!x", True),
        (("**/**",), "a/b", True),
        ((), "a", False),
    ],
)
def test_globs_asked_at_once_are_each_asked(patterns: tuple[str, ...], path: str, is_one: bool) -> None:
    assert matches_one(patterns, path) is is_one


def test_a_path_resembles_what_kinder_file_systems_make_of_it() -> None:
    assert resembles(["**/makefile"], "sub/Makefile.")
    assert resembles(["**/makefile"], "makefile")
    assert not resembles(["**/makefile"], "Makefiles")


# ---------------------------------------------------------------------------------------------------------- reports


def finding(gate: str = "paths", severity: Severity = Severity.REVIEW, **more: object) -> Finding:
    return Finding.model_validate({"gate": gate, "severity": severity, "message": "m", "path": "a", "line": 3, **more})


def test_a_reports_digest_is_of_its_canonical_json() -> None:
    done = report([finding(rule="paths/x", message="é"), finding("size", Severity.ADVISE)], ALLOWED)
    content = {**done.model_dump(mode="json"), "digest": ""}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
    assert done.digest == hashlib.sha256(canonical).hexdigest()


def test_needs_are_the_most_that_anybody_asks_for() -> None:
    one, two, security = (
        ApprovalRequirement(role="role:senior"),
        ApprovalRequirement(role="role:senior", count=2),
        ApprovalRequirement(role="role:security", count=3),
    )
    found = [finding(needs=(two,)), finding(needs=(one, security)), finding(severity=Severity.DENY, needs=(one,))]
    assert report(found, ALLOWED).needs == (security, two)
    assert report([finding()], ALLOWED).needs == (one,)
    assert report([], ALLOWED).needs == ()
    assert report([finding(severity=Severity.DENY)], ALLOWED).needs == ()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (3, []),
        (4, ["1 more finding of this gate is not listed here"]),
        (5, ["2 more findings of this gate are not listed here"]),
        (1_003, ["1,000 more findings of this gate are not listed here"]),
    ],
)
def test_a_short_list_counts_what_it_leaves_out_and_points_nowhere(count: int, said: list[str]) -> None:
    short = shorten([finding(message=str(number)) for number in range(count)], per_gate=3)
    more = [one for one in short if one.rule == "paths/more"]
    assert [one.message for one in more] == said
    assert {(one.path, one.line, one.severity) for one in more} <= {("", 0, Severity.REVIEW)}
    assert len(short) == min(count, 3) + len(said)


def test_a_short_list_has_forty_of_a_gate() -> None:
    assert len(shorten([finding(message=str(number)) for number in range(40)])) == 40
    assert len(shorten([finding(message=str(number)) for number in range(42)])) == 41


# ------------------------------------------------------------------------------------------------------- inspection


def test_a_gate_that_fails_says_why_in_five_hundred_characters() -> None:
    def broken(side: str, path: str) -> bytes | None:
        raise ValueError("x" * 600)

    found = {f.gate: f for f in inspect(change({"a.txt": (None, "x")}), broken, None, {}, ())}["size"]
    assert (found.severity, found.rule, found.path, found.line) == (Severity.DENY, "size/failed", "", 0)
    assert found.message == f"The gate could not judge this patch (ValueError: {'x' * 600})"[:500]
    assert found.fix == "make the files that it names well-formed, or report a bug of this gate"


def test_content_that_git_lists_and_nobody_can_read_is_said() -> None:
    found = inspect(change({"a.txt": (None, "x")}), lambda side, path: None, None, {}, ())
    (size,) = (f for f in found if f.gate == "size")
    reason = "NotFound: The head side of a.txt can't be read: git lists it. Run the task again."
    assert size.message == f"The gate could not judge this patch ({reason})"


@pytest.mark.parametrize(("before", "after"), [(b"caf\xe9\n", b"cafe\n"), (b"cafe\n", b"caf\xe9\n")])
def test_bytes_that_are_no_text_break_no_gate(before: bytes, after: bytes) -> None:
    found = inspect(change({"x.py": ("", "")}), lambda side, path: after if side == "head" else before, None, {}, ())
    assert [f.rule for f in found if f.rule.endswith("/failed")] == []


def test_a_sentence_hides_nothing_and_carries_no_secret() -> None:
    token = github_token()
    for path in ("con\u202e.txt", f"{token}."):
        found = list(inspect(change({path: (None, "x")}), lambda side, path: b"x", None, {}, ()))
        (windows,) = (f for f in found if f.rule == "paths/windows")
        assert windows.message.endswith(" means something else on Windows")
        assert "\u202e" not in windows.message + windows.path
        assert token not in windows.message + windows.path


def test_levels_for_gates_that_do_not_exist_are_each_refused() -> None:
    levels = {"zzz": GateLevel(level=Severity.ADVISE), "aaa": GateLevel(level=Severity.ADVISE)}
    found = [f for f in inspect(change({}), lambda side, path: b"", None, levels, ()) if f.gate in levels]
    assert [(f.gate, f.severity, f.rule, f.message) for f in found] == [
        (name, Severity.DENY, "gates/unknown", f"gates.toml sets a level for '{name}', and there is no such gate")
        for name in ("aaa", "zzz")
    ]
    assert {f.fix for f in found} == {f"use one of {', '.join(GATES)}"}
