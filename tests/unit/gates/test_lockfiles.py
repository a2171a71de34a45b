"""Lock files by meaning: the same change is the same finding whoever wrote the file, and a line moved is none."""
# ruff: noqa: E501 - one case is one line

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.gates.dependencies.gate import DependencyChange, dependency_changes
from deputy.gates.dependencies.lockfiles import lock_parser_of
from tests.support.examples import examples
from tests.support.gates import change_of, content_of

YARN = """# yarn lockfile v1


"@acme/cart@^1.0.0", "@acme/cart@^1.1.0":
  version "1.2.0"
  resolved "https://registry.yarnpkg.com/@acme/cart/-/cart-1.2.0.tgz#aaaa"
  integrity sha512-cart==
  dependencies:
    left "^1"

left@^1:
  version "1.0.0"
  resolved "https://registry.yarnpkg.com/left/-/left-1.0.0.tgz#bbbb"
  integrity sha512-left==
"""
BERRY = """__metadata:
  version: 8
  cacheKey: 10c0

"@acme/cart@npm:^1.0.0":
  version: 1.2.0
  resolution: "@acme/cart@npm:1.2.0"
  checksum: 10c0/cart
  languageName: node
  linkType: hard

"left@npm:^1":
  version: 1.0.0
  resolution: "left@npm:1.0.0"
  checksum: 10c0/left
  linkType: hard

"shop@workspace:.":
  version: 0.0.0-use.local
  resolution: "shop@workspace:."
  linkType: soft
"""
PNPM = """lockfileVersion: '9.0'

importers:
  .:
    dependencies:
      left:
        specifier: ^1
        version: 1.0.0

packages:

  '@acme/cart@1.2.0':
    resolution: {integrity: sha512-cart==}
    engines: {node: '>=8'}

  left@1.0.0:
    resolution: {integrity: sha512-left==}

snapshots:

  left@1.0.0: {}
"""
GO_MOD = """module example.com/shop

go 1.22

require (
\texample.com/cart v1.2.0
\texample.com/left v1.0.0 // indirect
)
"""
GO_SUM = """example.com/left v1.0.0 h1:left=
example.com/left v1.0.0/go.mod h1:leftmod=
"""
GEM = """GEM
  remote: https://rubygems.org/
  specs:
    cart (1.2.0)
      left (>= 1)
    left (1.0.0)

PLATFORMS
  ruby

DEPENDENCIES
  cart

BUNDLED WITH
   2.5.0
"""
COMPOSER = """{"packages": [{"name": "acme/left", "version": "1.0.0", "notification-url": "https://packagist.org/downloads/",
"dist": {"type": "zip", "url": "https://api.github.com/x", "reference": "left", "shasum": ""}}], "packages-dev": []}"""
PIPFILE = """{"_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": true}]},
"default": {"left": {"hashes": ["sha256:left"], "version": "==1.0.0", "index": "pypi"}}, "develop": {}}"""


def changes(path: str, before: str | None, after: str | None) -> list[DependencyChange]:
    files = {path: (before, after)}
    read = lambda side, p: content_of(files[p][side == "head"])  # noqa: E731 - one line of plumbing
    return list(dependency_changes(change_of(files, {}), read))


def kinds(path: str, before: str | None, after: str | None) -> set[tuple[str, str]]:
    return {(change.name, change.kind) for change in changes(path, before, after)}


@pytest.mark.parametrize(
    ("path", "text", "old", "new", "expected"),
    [
        ("yarn.lock", YARN, '"1.0.0"', '"1.0.1"', {("left", "moved")}),
        ("yarn.lock", YARN, "sha512-left==", "sha512-evil==", {("left", "content")}),
        ("yarn.lock", YARN, "https://registry.yarnpkg.com/left", "https://x.example/left", {("left", "source")}),
        ("yarn.lock", YARN, "https://registry.yarnpkg.com/left", "git+https://x.example/left", {("left", "source")}),
        ("yarn.lock", YARN, "left@^1:", "right@^1:", {("left", "removed"), ("right", "new")}),
        ("yarn.lock", YARN, '"@acme/cart@^1.0.0", ', "", set()),
        ("yarn.lock", YARN, '    left "^1"\n', '    left "^1.0"\n', set()),
        ("yarn.lock", BERRY, "1.0.0\n  resolution: \"left@npm:1.0.0", "1.0.1\n  resolution: \"left@npm:1.0.1", {("left", "moved")}),
        ("yarn.lock", BERRY, "10c0/left", "10c0/evil", {("left", "content")}),
        ("yarn.lock", BERRY, '"left@npm:1.0.0"', '"left@https://x.example/left.tgz"', {("left", "source")}),
        ("yarn.lock", BERRY, '"left@npm:1.0.0"', '"evil@npm:1.0.0"', {("left", "moved")}),
        ("yarn.lock", BERRY, '"left@npm:1.0.0"', '"left@patch:left@npm%3A1.0.0#./x.patch"', {("left", "source")}),
        ("pnpm-lock.yaml", PNPM, "  left@1.0.0:\n    res", "  left@1.0.1:\n    res", {("left", "moved")}),
        ("pnpm-lock.yaml", PNPM, "sha512-left==", "sha512-evil==", {("left", "content")}),
        ("pnpm-lock.yaml", PNPM, "integrity: sha512-left==", "tarball: https://x.example/l.tgz", {("left", "source")}),
        ("pnpm-lock.yaml", PNPM, "{integrity: sha512-left==}", "{directory: ../left, type: directory}", {("left", "source")}),
        ("pnpm-lock.yaml", PNPM, "importers:", "overrides:\n  left: npm:evil@1\n\nimporters:", {("overrides:left: npm:evil@1", "new")}),
        ("pnpm-lock.yaml", PNPM, "specifier: ^1", "specifier: ^1.0", set()),
        ("go.mod", GO_MOD, "left v1.0.0", "left v1.0.1", {("example.com/left", "moved")}),
        ("go.mod", GO_MOD, " // indirect", "", set()),
        ("go.mod", GO_MOD, ")\n", ")\n\nreplace example.com/left => ../left\n", {("replace:example.com/left", "source")}),
        ("go.mod", GO_MOD, ")\n", ")\nreplace (\n\ta => evil.example/a v1\n)\n", {("replace:a", "source")}),
        ("go.mod", GO_MOD, "\texample.com/cart v1.2.0\n", "", {("example.com/cart", "removed")}),
        ("go.sum", GO_SUM, "h1:left=", "h1:evil=", {("example.com/left", "content")}),
        ("go.sum", GO_SUM, "v1.0.0", "v1.0.1", {("example.com/left", "moved")}),
        ("Gemfile.lock", GEM, "    left (1.0.0)", "    left (1.0.1)", {("left", "moved")}),
        ("Gemfile.lock", GEM, "GEM\n", "GIT\n  remote: https://x.example/l.git\n  revision: abc\n  specs:\n    evil (1)\n\nGEM\n", {("evil", "source")}),
        ("Gemfile.lock", GEM, "https://rubygems.org/", "https://gems.x.example/", {("left", "source"), ("cart", "source")}),
        ("Gemfile.lock", GEM, "      left (>= 1)\n", "", set()),
        ("composer.lock", COMPOSER, '"1.0.0"', '"1.0.1"', {("acme/left", "moved")}),
        ("composer.lock", COMPOSER, '"reference": "left"', '"reference": "evil"', {("acme/left", "content")}),
        ("composer.lock", COMPOSER, '"notification-url": "https://packagist.org/downloads/",', "", {("acme/left", "source")}),
        ("Pipfile.lock", PIPFILE, "==1.0.0", "==1.0.1", {("left", "moved")}),
        ("Pipfile.lock", PIPFILE, "sha256:left", "sha256:evil", {("left", "content")}),
        ("Pipfile.lock", PIPFILE, '"version": "==1.0.0"', '"git": "https://x.example/l"', {("left", "source")}),
        ("Pipfile.lock", PIPFILE, "https://pypi.org/simple", "https://x.example/simple", {("source:https://x.example/simple", "source")}),
    ],
)  # fmt: skip
def test_a_change_by_its_meaning(path: str, text: str, old: str, new: str, expected: set[tuple[str, str]]) -> None:
    assert old in text
    assert kinds(path, text, text.replace(old, new)) == expected
    assert kinds(path, text, text) == set()


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("yarn.lock", YARN, {"@acme/cart", "left"}),
        ("yarn.lock", BERRY, {"@acme/cart", "left", "shop"}),
        ("pnpm-lock.yaml", PNPM, {"@acme/cart", "left"}),
        ("pnpm-lock.yaml", "packages:\n  /left/1.0.0:\n    resolution: {integrity: a}\n", {"left"}),
        ("pnpm-lock.yaml", "packages:\n  /@acme/cart@1.0.0(react@18.0.0):\n    resolution: {integrity: a}\n", {"@acme/cart"}),
        ("go.mod", GO_MOD, {"go", "example.com/cart", "example.com/left"}),
        ("Gemfile.lock", GEM, {"cart", "left"}),
        ("composer.lock", COMPOSER, {"acme/left"}),
        ("Pipfile.lock", PIPFILE, {"left"}),
    ],
)  # fmt: skip
def test_a_new_lock_file_is_all_new_and_from_the_usual_place(path: str, text: str, names: set[str]) -> None:
    assert kinds(path, None, text) == {(name, "new") for name in names}


@pytest.mark.parametrize("path", [".npmrc", "sub/pip.conf", "PIP.INI", "uv.toml", ".yarnrc"])
@pytest.mark.parametrize(
    "line",
    ["registry=https://x.example/", "index-url = https://x.example", "@acme:registry=https://x.example", "strict-ssl=false",
     "trusted-host = x.example", "ignore-scripts=false", "extra-index-url = x"],
)  # fmt: skip
def test_settings_that_say_where_packages_come_from_stop_the_patch(path: str, line: str) -> None:
    assert kinds(path, "# x\n", f"# x\n{line}\n") == {(line, "source")}


def test_other_settings_are_asked_about() -> None:
    assert kinds(".npmrc", "", "; x\nsave-exact=true\n") == {("save-exact=true", "setting")}
    assert kinds("pip.conf", "[global]\n", "[global]\ntimeout = 3\n") == {("timeout = 3", "setting")}


@pytest.mark.parametrize(
    ("path", "text"),
    [("yarn.lock", "  version 1\n"), ("yarn.lock", "left@^1\n  version 1\n"), ("yarn.lock", "left@^1:\n  x: 1\n"),
     ("go.mod", "evil a v1\n"), ("go.sum", "a b\n"), ("composer.lock", "[]"), ("Pipfile.lock", "1")],
)  # fmt: skip
def test_what_cannot_be_placed_is_refused(path: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        changes(path, None, text)


_PATHS = ("yarn.lock", "pnpm-lock.yaml", "go.mod", "go.sum", "Gemfile.lock", ".npmrc")


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from([(p, t) for p, t in zip(_PATHS, (YARN, PNPM, GO_MOD, GO_SUM, GEM, ""), strict=True)]), st.data())
def test_any_line_changed_is_read_or_refused(case: tuple[str, str], data: st.DataObject) -> None:
    path, text = case
    lines = text.split("\n")
    position = data.draw(st.integers(0, len(lines) - 1))
    lines[position] = data.draw(st.text(st.sampled_from(" \t@:^\"'(){}=>/.1a#-"), max_size=12))
    parser = lock_parser_of(path)
    assert parser
    try:
        parser("\n".join(lines))
    except ValueError:
        return
