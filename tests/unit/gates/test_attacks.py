"""Each way around governance that a patch's content offers, carried out, and the finding that stops it."""

from collections.abc import Mapping

import pytest

from deputy.domain.policy.config import Check, GateLevel
from deputy.domain.policy.decision import ApprovalRequirement, Severity
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.review.scans import Scan
from deputy.domain.tasks.request import TaskKind
from deputy.gates import dependency_changes, inspect
from tests.support.gates import Pair, Side, change_of, content_of

CHECKS = (Check(name="tests", run=("pytest",), kind="tests", tests=("tests/**",)),)


def _result(phase: CheckPhase, *, passed: bool = True, **more: object) -> CheckResult:
    fields = {
        "name": "tests",
        "argv": ("pytest",),
        "check": CHECKS[0].digest,
        "exit_code": 0,
        "seconds": 1.0,
        "log": "l",
        "tests": 3,
        "failures": 0,
    }
    return CheckResult.model_validate({**fields, "phase": phase, "passed": passed, **more})


SCANNED = Scan(scanners=("kingfisher 1.0",))
PASSED = Evidence(checks=(_result(CheckPhase.PATCH),), scan=SCANNED)


def _inspect(
    files: Mapping[str, Pair],
    *,
    modes: Mapping[str, tuple[str, str]] | None = None,
    proof: Evidence | None = PASSED,
    levels: Mapping[str, GateLevel] | None = None,
    existing: Mapping[str, bytes] | None = None,
    kind: TaskKind = TaskKind.OTHER,
    checks: tuple[Check, ...] = CHECKS,
) -> tuple[Finding, ...]:
    def read(side: str, path: str) -> bytes | None:
        if path in files:
            return content_of(files[path][0 if side == "base" else 1])
        return (existing or {}).get(path)

    paths = tuple(existing or ())
    return inspect(change_of(files, modes or {}), read, proof, levels or {}, checks, kind=kind, tree_paths=paths)


def _rules(findings: tuple[Finding, ...]) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in findings}


def test_an_ordinary_change_is_free_of_findings() -> None:
    files: dict[str, Pair] = {
        "shop/cart.py": ("def total(items):\n    return items\n", "def total(items):\n    return sum(items)\n"),
        "docs/naïve.md": (None, "Grüße, 漢字 and 👩‍👩‍👧 — “quoted”\n"),
        "tests/test_cart.py": (
            "def test_a():\n    assert 1 + 1 == 2\n",
            "def test_a():\n    assert 1 + 1 == 2\n\n\ndef test_b():\n    assert 2\n",
        ),
    }
    assert _inspect(files) == ()


# ------------------------------------------------------------------------------------------------- names and modes


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("a\nb.py", "paths/hidden-characters"),
        ("a\x1b[31m.py", "paths/hidden-characters"),
        ("a\u202efdp.py", "paths/hidden-characters"),
        (".g\u200cit/config", "paths/hidden-characters"),
        (".g\u200cit/config", "paths/git"),
        ("sub/.GIT/hooks/x", "paths/git"),
        ("GIT~1/config", "paths/git"),
        (".git./config", "paths/git"),
        (".gitmodules", "paths/git"),
        ("a/../b", "paths/traversal"),
        ("a//b", "paths/traversal"),
        ("secrets\\prod.env", "paths/windows"),
        ("C:evil.py", "paths/windows"),
        ("con.txt", "paths/windows"),
        ("secrets./x", "paths/windows"),
        ("x ", "paths/windows"),
        ("a:stream", "paths/windows"),
        ("secrets::$INDEX_ALLOCATION/x", "paths/windows"),
        (".git::$INDEX_ALLOCATION/config", "paths/git"),
        (".git:x/config", "paths/git"),
        ("gi7eba~1", "paths/git"),
        ("GITMOD~2", "paths/git"),
        ("COM\u00b9.txt", "paths/windows"),
        ("conin$", "paths/windows"),
    ],
)
def test_names_that_mean_something_else_are_refused(path: str, rule: str) -> None:
    assert _rules(_inspect({path: (None, "x\n")}))[rule] is Severity.DENY


@pytest.mark.parametrize("name", ["SECRET~1", "SECRE~12", "SE12AB~1.EN", "a~1"])
def test_a_short_name_is_asked_about(name: str) -> None:
    assert _rules(_inspect({f"{name}/x": (None, "x\n")})) == {"paths/short-name": Severity.REVIEW}


def test_a_name_too_long_to_be_short_is_free() -> None:
    assert _rules(_inspect({"chapter~1.md": (None, "x\n")})) == {}


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "a/../../../x", "C:/x", "..\\x", ".git/config", "a\x00b"])
def test_a_link_out_of_the_tree_is_refused(target: str) -> None:
    found = _inspect({"docs/x": (None, target)}, modes={"docs/x": ("000000", "120000")})
    assert _rules(found)["paths/link-escapes"] is Severity.DENY


def test_a_link_through_an_existing_link_is_refused() -> None:
    modes = {"docs/x": ("000000", "120000")}
    found = _inspect({"docs/x": (None, "../up/secret")}, modes=modes, existing={"up": b"../.."})
    assert _rules(found)["paths/link-escapes"] is Severity.DENY


def test_a_link_inside_the_tree_is_asked_about() -> None:
    found = _inspect({"docs/x": (None, "../secrets/prod.env")}, modes={"docs/x": ("000000", "120000")})
    assert _rules(found) == {"paths/link": Severity.REVIEW}


@pytest.mark.parametrize(
    "modes", [("000000", "160000"), ("160000", "160000"), ("100644", "160000"), ("160000", "000000")]
)
def test_a_submodule_is_refused(modes: tuple[str, str]) -> None:
    assert _rules(_inspect({"vendor": (b"x", b"y")}, modes={"vendor": modes}))["paths/submodule"] is Severity.DENY


def test_a_mode_change_is_a_change() -> None:
    found = _inspect({"run.sh": ("x\n", "x\n")}, modes={"run.sh": ("100644", "100755")})
    assert _rules(found) == {"paths/mode-change": Severity.REVIEW}


def test_a_mode_that_is_no_files_is_refused() -> None:
    assert _rules(_inspect({"x": (None, "x\n")}, modes={"x": ("000000", "100600")})) == {"paths/mode": Severity.DENY}


@pytest.mark.parametrize(
    ("path", "existing"),
    [
        ("Secrets/prod.env.py", "secrets/prod.py"),
        ("shop/Cart.py", "shop/cart.py"),
        ("cafe\u0301.py", "caf\u00e9.py"),
        ("ﬁx.py", "fix.py"),
    ],
)
def test_names_that_fold_into_each_other_are_refused(path: str, existing: str) -> None:
    assert _rules(_inspect({path: (None, "x\n")}, existing={existing: b"x"}))["paths/collision"] is Severity.DENY
    both: dict[str, Pair] = {path: (None, "x\n"), existing: (None, "x\n")}
    assert _rules(_inspect(both))["paths/collision"] is Severity.DENY


def test_a_name_that_only_changes_case_is_a_rename() -> None:
    assert _rules(_inspect({"shop/Cart.md": ("x\n", None), "shop/cart.md": (None, "x\n")})) == {}


def test_a_bad_name_may_be_removed() -> None:
    assert _rules(_inspect({"con.txt": ("x\n", None)})) == {}


# ------------------------------------------------------------------------------------------------- content


def test_programs_are_refused_and_other_binaries_asked_about() -> None:
    assert _rules(_inspect({"tool": (None, b"\x7fELF\x02\x01\x00")})) == {"binary/program": Severity.DENY}
    assert _rules(_inspect({"x.pyc": (None, b"abc")})) == {"binary/program": Severity.DENY}
    assert _rules(_inspect({"logo.png": (None, b"\x89PNG\x00")})) == {"binary/content": Severity.REVIEW}
    assert _rules(_inspect({"x.txt": (None, b"caf\xe9\n")})) == {"binary/content": Severity.REVIEW}
    assert _rules(_inspect({"x.md": (None, b"MZ is how it starts\n")})) == {}


def test_a_huge_file_and_a_huge_patch_are_refused() -> None:
    assert _rules(_inspect({"x.txt": (None, b"a" * (9 * 1024**2))}))["size/bytes-in-one-file"] is Severity.DENY
    many: dict[str, Pair] = {f"f{number}.txt": (None, "x\n") for number in range(201)}
    assert _rules(_inspect(many)) == {"size/files": Severity.REVIEW}


def test_a_secret_is_refused_by_place_and_never_quoted() -> None:
    secret = "AKI" + "A" + "ABCDEFGHIJKLMNOP"
    found = _inspect(
        {"shop/config.py": ("a = 1\n", f"a = 1\n\nKEY = '{secret}'\n"), f"docs/{secret}.md": (None, "x\n")}
    )
    assert [(f.path, f.line, f.severity) for f in found] == [("shop/config.py", 3, Severity.DENY)]
    assert secret not in repr(found)


def test_a_secret_that_was_there_already_is_not_added_by_moving_it() -> None:
    line = "password = '" + "hun" + "ter22222'"
    assert _rules(_inspect({"x.py": (f"{line}\na = 1\n", f"a = 1\n{line}\n")})) == {}
    assert _rules(_inspect({"x.py": ("a = 1\n", f"a = 1\n{line}\n")})) == {"secrets/credential": Severity.REVIEW}


def test_a_private_key_file_is_seen_by_content_and_by_name() -> None:
    key = "-----BEGIN OPENSSH PRIV" + "ATE KEY-----\n" + "b3BlbnNz" * 8 + "\n-----END OPENSSH PRIV" + "ATE KEY-----\n"
    found = _rules(_inspect({"deploy/id_ed25519": (None, key), ".env.production": (None, "A=1\n")}))
    assert found == {"secrets/private-key": Severity.DENY, "secrets/file": Severity.REVIEW}


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("a = 1\n", "a = 1 # \u202eevil\u202c\n", "text-tricks/bidi"),
        ("a = 1\n", "a\u200b = 1\n", "text-tricks/invisible"),
        ("a = 1\n", "a = 'x\U000e0041'\n", "text-tricks/invisible"),
        ("a = 1\n", "a = '\x1b[2K'\n", "text-tricks/invisible"),
        ("a = 1\n", "a = 1 # ok\rimport evil\n", "text-tricks/invisible"),
        ("a = 1\n", "ㅤ = 1\n".replace("ㅤ", "\u3164"), "text-tricks/invisible"),
        ("a = 1\n", "\ufeffa = 1\n", "text-tricks/bom"),
        ("a = 1\nb = 2\n", "a = 1\r\nb = 2\r\n", "text-tricks/line-ends"),
        ("a = 1\r\nb = 2\r\n", "a = 1\nb = 2\r\n", "text-tricks/line-ends"),
        (None, "a = 1\nb = 2\r\n", "text-tricks/line-ends"),
        ("a = 1\n", "p\u0430yment = 1\n", "text-tricks/look-alike"),
        ("cope = 1\n", "cope = 1\n\u0441\u043e\u0440\u0435 = 2\n", "text-tricks/look-alike"),
        ("eval = 1\n", "eval = 1\n\uff45\uff56\uff41\uff4c('x')\n", "text-tricks/look-alike"),
    ],
)
def test_text_that_is_not_what_it_shows_is_asked_about(before: str | None, after: str, rule: str) -> None:
    found = _rules(_inspect({"x.py": (before, after)}))
    assert {one: found[one] for one in found if not one.startswith("public-api/")} == {rule: Severity.REVIEW}


@pytest.mark.parametrize(
    "text", ["# Привет, мир\n", "αβγ = 1\n", "x = 'größe'\n", "π = 3.14\n", "Δx = 2\n", "s = '👩‍💻'\n"]
)
def test_other_languages_are_welcome(text: str) -> None:
    assert _rules(_inspect({"x.py": (None, text)})) == {}


# ------------------------------------------------------------------------------------------------- what runs


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml", ".GitHub/workflows/ci.yml", ".gitlab-ci.yml", "Makefile", "sub/GNUmakefile",
        "deploy/Dockerfile.prod", "compose.yaml", ".pre-commit-config.yaml", ".vscode/tasks.json", ".devcontainer/x",
        ".gitattributes", "src/.gitattributes", ".husky/pre-push", ".envrc", "Jenkinsfile", ".circleci/config.yml",
    ],
)  # fmt: skip
@pytest.mark.parametrize("pair", [(None, "x\n"), ("x\n", "y\n"), ("x\n", None)])
def test_what_runs_on_its_own_is_reviewed_even_when_removed(path: str, pair: Pair) -> None:
    found = _rules(_inspect({path: pair}))
    assert {rule.split("/")[0] for rule in found} == {"runs-on-its-own"}
    assert set(found.values()) == {Severity.REVIEW}


@pytest.mark.parametrize(
    "path", ["setup.py", "conftest.py", "a/b/conftest.py", "sitecustomize.py", "x.pth", "a/Setup.py"]
)
def test_what_runs_when_used_is_reviewed(path: str) -> None:
    assert _rules(_inspect({path: ("x = 1\n", "x = 2\n")}))["runs-when-used/file"] is Severity.REVIEW


def test_package_scripts_are_compared_by_content() -> None:
    before = '{"scripts": {"test": "jest"}, "version": "1"}'
    assert _rules(_inspect({"package.json": (before, '{"scripts": {"test": "jest"}, "version": "2"}')})) == {}
    after = '{"scripts": {"test": "jest", "postinstall": "node x.js"}, "version": "1"}'
    assert _rules(_inspect({"package.json": (before, after)})) == {"runs-when-used/script": Severity.REVIEW}


def test_a_new_build_backend_is_reviewed() -> None:
    before = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    after = before.replace("hatchling.build", "evil") + 'backend-path = ["."]\n'
    assert _rules(_inspect({"pyproject.toml": (before, after)})) == {"runs-when-used/build": Severity.REVIEW}


# ------------------------------------------------------------------------------------------------- dependencies

_PYPROJECT = '[project]\nname = "shop"\ndependencies = ["requests>=2", "attrs"]\n'
_UV = '[[package]]\nname = "attrs"\nversion = "{v}"\nsource = {{ registry = "{s}" }}\nsdist = {{ hash = "{h}" }}\n'
_LOCK = '{{"packages": {{"": {{}}, "node_modules/a": {{"version": "{v}", "resolved": "{r}", "integrity": "{i}"}}}}}}'
_PYPI, _NPM = (
    f"https://{host}" for host in (".".join(("pypi", "org/simple")), ".".join(("registry", "npmjs", "org/a/-/a.tgz")))
)


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("pyproject.toml", _PYPROJECT, _PYPROJECT.replace('"attrs"', '"attrs", "evil>=1"'), {"new"}),
        ("pyproject.toml", _PYPROJECT, _PYPROJECT.replace("requests>=2", "requests>=3"), {"moved"}),
        ("pyproject.toml", _PYPROJECT, _PYPROJECT.replace('"attrs"', '"attrs @ git+https://x.example/a"'), {"source"}),
        ("pyproject.toml", _PYPROJECT, _PYPROJECT.replace('"attrs"', '"Attrs"'), set()),
        (
            "pyproject.toml",
            _PYPROJECT,
            _PYPROJECT + '[tool.uv.sources]\nattrs = { git = "https://x.example" }\n',
            {"source"},
        ),
        ("pyproject.toml", _PYPROJECT, _PYPROJECT + '[dependency-groups]\ndev = ["pytest"]\n', {"new"}),
        ("pyproject.toml", _PYPROJECT, _PYPROJECT + '[[tool.uv.index]]\nurl = "https://x.example"\n', {"source"}),
        ("requirements.txt", "a==1\n", "a==1\nb==2\n", {"new"}),
        ("requirements.txt", "a==1\n", "a==2\n", {"moved"}),
        ("requirements.txt", "a==1  # why\n", "# because\na==1\n", set()),
        ("requirements.txt", "a==1; python_version<'3'\na==2\n", "a==9; python_version<'3'\na==2\n", {"moved"}),
        ("requirements-dev.txt", "a==1\n", "--extra-index-url https://x.example\na==1\n", {"source"}),
        ("requirements.txt", "a==1\n", "a==1\n-e ../x\n", {"source"}),
        ("requirements.txt", "a==1\n", "git+https://x.example/a\n", {"source", "removed"}),
        ("requirements.txt", "a==1\n", "./wheels/a-1.whl\n", {"source", "removed"}),
        ("requirements.txt", "a==1\n", "wheels/a-1.whl\n", {"source", "removed"}),
        ("requirements.txt", "a==1 --hash=sha256:aa\n", "a==1 --hash=sha256:bb\n", {"content"}),
        ("uv.lock", _UV.format(v=1, s=_PYPI, h="a"), _UV.format(v=2, s=_PYPI, h="b"), {"moved"}),
        ("uv.lock", _UV.format(v=1, s=_PYPI, h="a"), _UV.format(v=1, s=_PYPI, h="b"), {"content"}),
        ("uv.lock", _UV.format(v=1, s=_PYPI, h="a"), _UV.format(v=1, s="https://x.example", h="a"), {"source"}),
        (
            "uv.lock",
            _UV.format(v=1, s="https://x.example", h="a"),
            _UV.format(v=2, s="https://x.example", h="b"),
            {"moved"},
        ),
        ("uv.lock", None, _UV.format(v=1, s=_PYPI, h="a"), {"new"}),
        ("package-lock.json", None, _LOCK.format(v=1, r=_NPM, i="x"), {"new"}),
        ("package.json", "{}", '{"dependencies": {"left-pad": "^1"}}', {"new"}),
        ("package.json", '{"devDependencies": {"a": "1"}}', '{"devDependencies": {"a": "2"}}', {"moved"}),
        ("package.json", '{"dependencies": {"a": "1"}}', '{"dependencies": {"a": "evil/a"}}', {"source"}),
        ("package-lock.json", _LOCK.format(v=1, r=_NPM, i="x"), _LOCK.format(v=2, r=_NPM, i="y"), {"moved"}),
        (
            "package-lock.json",
            _LOCK.format(v=1, r=_NPM, i="x"),
            _LOCK.format(v=1, r="https://x.example/a", i="x"),
            {"source"},
        ),
        ("package-lock.json", _LOCK.format(v=1, r=_NPM, i="x"), _LOCK.format(v=1, r=_NPM, i="y"), {"content"}),
        ("Cargo.toml", '[dependencies]\na = "1"\n', '[dependencies]\na = { git = "https://x.example" }\n', {"source"}),
        ("go.mod", "require a v1\n", "require a v2\n", {"moved"}),
        ("pip.conf", None, "[global]\nindex-url = https://x.example\n", {"source"}),
    ],
)
def test_dependencies_are_compared_by_what_they_mean(path: str, before: Side, after: Side, expected: set[str]) -> None:
    files: dict[str, Pair] = {path: (before, after)}
    changes = dependency_changes(change_of(files, {}), lambda side, p: content_of(files[p][0 if side == "base" else 1]))
    assert {change.kind for change in changes} == expected
    found = {rule: level for rule, level in _rules(_inspect(files)).items() if rule.startswith("dependencies/")}
    assert {rule.split("/")[1] for rule in found} == expected
    assert found.get("dependencies/source", Severity.DENY) is Severity.DENY


def test_a_manifest_that_does_not_parse_is_refused() -> None:
    found = _rules(_inspect({"pyproject.toml": (_PYPROJECT, "[[[")}))
    assert found["dependencies/failed"] is Severity.DENY


# ------------------------------------------------------------------------------------------------- tests and checks

_TEST = (
    "import pytest\n\n\ndef test_a():\n    assert f(1) == 2\n    assert f(2) == 3\n\n\ndef test_b():\n    assert g()\n"
)


@pytest.mark.parametrize(
    ("after", "rule"),
    [
        (None, "tests-weakened/test-removed"),
        ("", "tests-weakened/test-removed"),
        (_TEST.replace("def test_b", "def no_test_b"), "tests-weakened/test-removed"),
        (_TEST.replace("    assert f(2) == 3\n", ""), "tests-weakened/assert-removed"),
        (_TEST.replace("assert f(2) == 3", "assert True"), "tests-weakened/assert-removed"),
        (_TEST.replace("assert f(2) == 3", "f(2) == 3"), "tests-weakened/assert-removed"),
        (_TEST.replace("def test_b", "@pytest.mark.skip\ndef test_b"), "tests-weakened/skip"),
        (_TEST.replace("def test_b", "@pytest.mark.xfail(strict=False)\ndef test_b"), "tests-weakened/skip"),
        (_TEST.replace("def test_a", "pytestmark = pytest.mark.skipif(True)\n\n\ndef test_a"), "tests-weakened/skip"),
        (_TEST + "\n\ncollect_ignore = ['x']\n", "tests-weakened/skip"),
    ],
)
def test_weaker_tests_are_asked_about(after: str | None, rule: str) -> None:
    assert _rules(_inspect({"tests/test_x.py": (_TEST, after)})) == {rule: Severity.REVIEW}


def test_a_test_that_moves_is_not_gone() -> None:
    assert _rules(_inspect({"tests/test_x.py": (_TEST, None), "tests/unit/test_x.py": (None, _TEST)})) == {}


def test_a_test_that_does_not_parse_is_refused() -> None:
    assert _rules(
        _inspect(
            {
                "tests/test_x.py": (_TEST, "def ("),
            }
        )
    ) == {"tests-weakened/failed": Severity.DENY}


def test_javascript_tests_and_snapshots_are_counted_too() -> None:
    before = (
        "it('adds', () => { expect(f(1)).toBe(2); expect(f(2)).toBe(3) })\ntest('b', () => { expect(g()).toBe(1) })\n"
    )
    after = "it.only('adds', () => { expect(f(1)).toBe(2) })\n"
    found = _rules(_inspect({"web/x.test.ts": (before, after), "web/__snapshots__/x.snap": ("a\n", "b\n")}))
    assert found == {
        "tests-weakened/test-removed": Severity.REVIEW,
        "tests-weakened/assert-removed": Severity.REVIEW,
        "tests-weakened/skip": Severity.REVIEW,
        "tests-weakened/snapshot": Severity.REVIEW,
    }


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: E501",
        "# type: ignore[x]",
        "# pragma: no cover",
        "# nosec",
        "# pylint: disable=x",
        "# fmt: off",
    ],
)
def test_new_suppressions_are_asked_about(comment: str) -> None:
    found = _inspect({"shop/x.py": ("a = 1\n", f"a = 1\nb = 2  {comment}\n")})
    assert _rules(found) == {"suppressions/comment": Severity.REVIEW}
    assert found[0].line == 2
    assert _rules(_inspect({"shop/x.py": (f"a = 1  {comment}\n", f"a = 2  {comment}\n")})) == {}


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pyproject.toml", "[tool.ruff]\nselect = ['E', 'F']\n", "[tool.ruff]\nselect = ['E']\n"),
        ("pyproject.toml", "[tool.coverage.report]\nfail_under = 90\n", "[tool.coverage.report]\nfail_under = 10\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\n", "[tool.pytest.ini_options]\naddopts = '-k nothing'\n"),
        ("setup.cfg", "[flake8]\nmax-line-length = 80\n", "[flake8]\nmax-line-length = 80\nignore = E\n"),
        ("ruff.toml", "a = 1\n", None),
        (".eslintrc.json", "{}\n", '{"rules": {}}\n'),
    ],
)
def test_looser_configuration_of_checks_is_asked_about(path: str, before: Side, after: Side) -> None:
    rules = _rules(_inspect({path: (before, after)}))
    assert rules.pop("suppressions/looser", Severity.REVIEW) is Severity.REVIEW
    assert rules == {"suppressions/config": Severity.REVIEW}


@pytest.mark.parametrize("path", [".deputy/policy.csv", ".Deputy/x", "sub/.deputy/x", ".deputy", ".dep\u200buty/x"])
@pytest.mark.parametrize("pair", [(None, "x\n"), ("x\n", "y\n"), ("x\n", None)])
def test_the_rules_themselves_are_out_of_reach(path: str, pair: Pair) -> None:
    assert _rules(_inspect({path: pair}))["policy-files/own"] is Severity.DENY


@pytest.mark.parametrize("path", ["CODEOWNERS", "AGENTS.md", "docs/CLAUDE.md"])
def test_owners_and_instructions_are_asked_about(path: str) -> None:
    assert set(_rules(_inspect({path: ("x\n", "y\n")})).values()) == {Severity.REVIEW}


_OK = {"shop/x.py": ("a = 1\n", "a = 2\n")}


@pytest.mark.parametrize(
    ("results", "rules"),
    [
        ((), {"checks/missing": Severity.DENY}),
        ((_result(CheckPhase.BASE),), {"checks/missing": Severity.DENY}),
        ((_result(CheckPhase.PATCH, passed=False),), {"checks/failed": Severity.DENY}),
        ((_result(CheckPhase.PATCH), _result(CheckPhase.PATCH, passed=False)), {"checks/failed": Severity.DENY}),
        (
            (_result(CheckPhase.PATCH, passed=False, failures=1), _result(CheckPhase.BASE, passed=False, failures=1)),
            {"checks/failed-before": Severity.REVIEW},
        ),
        (
            (_result(CheckPhase.PATCH, passed=False, failures=2), _result(CheckPhase.BASE, passed=False, failures=1)),
            {"checks/failed": Severity.DENY},
        ),
        (
            (_result(CheckPhase.PATCH), _result(CheckPhase.BASE_TESTS, passed=False)),
            {"checks/base-tests": Severity.DENY},
        ),
        ((_result(CheckPhase.PATCH, tests=2), _result(CheckPhase.BASE)), {"checks/fewer-tests": Severity.REVIEW}),
        ((_result(CheckPhase.PATCH), _result(CheckPhase.BEFORE, passed=False)), {}),
    ],
)
def test_checks(results: tuple[CheckResult, ...], rules: dict[str, Severity]) -> None:
    assert _rules(_inspect(_OK, proof=Evidence(checks=results, scan=SCANNED))) == rules


def test_no_proof_and_no_checks_are_not_silence() -> None:
    assert _rules(_inspect(_OK, proof=None)) == {"checks/missing": Severity.DENY}
    assert _rules(_inspect(_OK, checks=())) == {"checks/none": Severity.REVIEW}


def test_a_refactoring_may_change_bases_tests_with_a_persons_leave() -> None:
    proof = Evidence(checks=(_result(CheckPhase.PATCH), _result(CheckPhase.BASE_TESTS, passed=False)), scan=SCANNED)
    assert _rules(_inspect(_OK, proof=proof, kind=TaskKind.REFACTOR)) == {"checks/base-tests": Severity.REVIEW}


@pytest.mark.parametrize(
    ("proof", "rules"),
    [
        (PASSED, {"before-after/no-test": Severity.REVIEW}),
        (PASSED.model_copy(update={"new_tests": ("t",)}), {"before-after/unproven": Severity.REVIEW}),
        (
            PASSED.model_copy(update={"new_tests": ("t",), "fails_before": False}),
            {"before-after/unproven": Severity.REVIEW},
        ),
        (PASSED.model_copy(update={"new_tests": ("t",), "fails_before": True, "passes_after": True}), {}),
    ],
)
def test_a_fix_shows_that_it_fixes(proof: Evidence, rules: dict[str, Severity]) -> None:
    assert _rules(_inspect(_OK, proof=proof, kind=TaskKind.FIX)) == rules
    others = {rule: Severity.ADVISE for rule in rules if rule != "before-after/no-test"}
    assert _rules(_inspect(_OK, proof=proof)) == others


# ------------------------------------------------------------------------------------------------- levels


def test_levels_cap_and_name_reviewers() -> None:
    need = ApprovalRequirement(role="role:security", count=2)
    levels = {"runs-on-its-own": GateLevel(level=Severity.DENY, needs=(need,))}
    (found,) = _inspect({"Makefile": (None, "x\n")}, levels=levels)
    assert (found.severity, found.needs) == (Severity.REVIEW, (need,))
    levels = {"policy-files": GateLevel(level=Severity.REVIEW, needs=(need,))}
    (found,) = _inspect({".deputy/x": (None, "x\n")}, levels=levels)
    assert (found.severity, found.needs) == (Severity.REVIEW, (need,))
    (found,) = _inspect({"Makefile": (None, "x\n")}, levels={"runs-on-its-own": GateLevel(level=Severity.ADVISE)})
    assert (found.severity, found.needs) == (Severity.ADVISE, ())


def test_a_review_without_reviewers_gets_the_default_ones() -> None:
    (found,) = _inspect({"Makefile": (None, "x\n")})
    assert found.needs == (ApprovalRequirement(role="role:senior"),)


def test_a_level_for_no_gate_is_refused() -> None:
    (found,) = _inspect(_OK, levels={"secret": GateLevel(level=Severity.ADVISE)})
    assert (found.severity, found.rule) == (Severity.DENY, "gates/unknown")


def test_a_gate_that_fails_denies_whatever_its_level() -> None:
    levels = {"tests-weakened": GateLevel(level=Severity.ADVISE)}
    (found,) = _inspect({"tests/test_x.py": (None, "def (")}, levels=levels)
    assert (found.severity, found.gate) == (Severity.DENY, "tests-weakened")


def test_content_that_cannot_be_read_denies() -> None:
    change = change_of({"x.py": ("a\n", "b\n")}, {})
    found = inspect(change, lambda side, path: None, PASSED, {}, CHECKS)
    assert {f.gate for f in found if f.severity is Severity.DENY} >= {"secrets", "text-tricks", "binary", "size"}


def test_every_finding_says_where_by_which_rule_and_what_to_do() -> None:
    files: dict[str, Pair] = {
        "Makefile": (None, "x\n"), "a\u202e.py": (None, "x = 1  # noqa\n"), "con": (None, b"\x00"),
        ".deputy/x": (None, "x\n"),
        "tests/test_x.py": (_TEST, ""), "requirements.txt": (None, "a==1\n"),
    }  # fmt: skip
    for found in _inspect(files, proof=None, kind=TaskKind.FIX):
        assert found.rule.startswith(f"{found.gate}/")
        assert found.fix
        assert found.message
        assert "\u202e" not in found.path + found.message
