"""Licences and what is hidden from reviewers' tools: each way around, carried out."""

import pytest

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates import inspect

Pair = tuple[str | None, str | None]
APACHE = "Apache License\nVersion 2.0, January 2004\n"
SPDX = "# SPDX-License" + "-Identifier: "
GPL = (
    "/* This program is free software: you can redistribute it and/or modify\n"
    " * it under the terms of the GNU General Public License as published by\n */\n"
)
MIT = "// Permission is hereby granted, free of charge, to any person obtaining a copy\n"


def found(files: dict[str, Pair], gate: str, untouched: dict[str, str] | None = None) -> tuple[Finding, ...]:
    changes = [
        FileChange(
            path=path,
            kind=ChangeKind.ADDED if old is None else ChangeKind.DELETED if new is None else ChangeKind.MODIFIED,
            old_mode="000000" if old is None else "100644",
            new_mode="000000" if new is None else "100644",
            old_blob="a",
            new_blob="b",
        )
        for path, (old, new) in files.items()
    ]
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=tuple(changes))

    def read(side: str, path: str) -> bytes | None:
        text = files[path][side == "head"] if path in files else (untouched or {}).get(path)
        return None if text is None else text.encode()

    every = [f for f in inspect(change, read, None, {}, ()) if f.gate == gate]
    assert all(f.severity is Severity.REVIEW and f.fix and f.message for f in every)
    return tuple(every)


def rules(files: dict[str, Pair], gate: str = "licences", untouched: dict[str, str] | None = None) -> list[str]:
    return [f.rule.split("/")[1] for f in found(files, gate, untouched)]


# --------------------------------------------------------------------------------------------------------- licences


@pytest.mark.parametrize(
    "path",
    ["LICENSE", "License.md", "sub/COPYING", "NOTICE.txt", "LICENSES/MIT.txt", "LICENSE-APACHE", "licence", "UNLICENSE",
     "THIRD-PARTY-NOTICES.txt", "COPYING.LESSER", "logo.png.license", "REUSE.toml"],
)  # fmt: skip
@pytest.mark.parametrize("pair", [(None, "x\n"), ("x\n", "y\n"), ("x\n", None)])
def test_terms_are_asked_about(path: str, pair: Pair) -> None:
    assert rules({path: pair}) == ["file"]


@pytest.mark.parametrize("path", ["shop/license.py", "src/notice.ts", "docs/licensing.md", "shop/licenses.py"])
def test_code_about_terms_is_code(path: str) -> None:
    assert rules({path: ("a = 1\n", "a = 2\n")}) == []


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (f"{SPDX}Apache-2.0\na = 1\n", "a = 1\n", "header"),
        (f"{SPDX}Apache-2.0\na = 1\n", f"{SPDX}MIT\na = 1\n", "header"),
        (f"{GPL}int a;\n", "int a;\n", "header"),
        (f"{GPL}int a;\n", f"{MIT}int a;\n", "header"),
        ('"""Licensed under the Apache License, Version 2.0."""\na = 1\n', '"""Cart."""\na = 1\n', "header"),
        ("# Copyright 2020 Alice Marsh\na = 1\n", "a = 1\n", "copyright"),
        ("# Copyright 2020 Alice Marsh\na = 1\n", "# Copyright 2020 Sam Okafor\na = 1\n", "copyright"),
        ("/*\n * (c) 2020 Alice Marsh\n */\nint a;\n", "/*\n */\nint a;\n", "copyright"),
    ],
)
def test_headers_stay(before: str, after: str, rule: str) -> None:
    assert rules({"src/a.c": (before, after)}) == [rule]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# Copyright 2020 Alice Marsh\na = 1\n", "# Copyright 2020-2026 Alice Marsh\na = 2\n"),
        (f"{SPDX}Apache-2.0\na = 1\n", f"#!/usr/bin/env python\n{SPDX}Apache-2.0\na = 2\n"),
        ("a = 1\n", "# Copyright 2026 Alice Marsh\na = 1\n"),
        ("KNOWN = ['GNU General Public License']\n", "KNOWN = []\n"),
        ("# copyrighted = 1\na = 1\n", "a = 1\n"),
    ],
)
def test_what_leaves_the_terms_alone(before: str, after: str) -> None:
    assert rules({"src/a.py": (before, after)}) == []


def test_foreign_code_under_its_own_terms() -> None:
    own = {"LICENSE": APACHE}
    assert rules({"src/x.c": (None, f"{GPL}int a;\n")}, untouched=own) == ["foreign"]
    assert rules({"src/x.py": (None, f"{SPDX}AGPL-3.0-only\n")}, untouched=own) == ["foreign"]
    assert rules({"src/x.py": (None, f"{SPDX}Apache-2.0\n")}, untouched=own) == []
    assert rules({"src/x.py": (None, "a = 'GNU General Public License'\n")}, untouched=own) == []
    assert rules({"src/x.c": (None, f"{GPL}int a;\n")}, untouched={"COPYING": "GNU GENERAL PUBLIC LICENSE\n"}) == []
    declared = {"pyproject.toml": '[project]\nlicense = "MIT"\n'}
    assert rules({"src/x.c": (None, f"{GPL}int a;\n")}, untouched=declared) == ["foreign"]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pyproject.toml", '[project]\nlicense = "MIT"\n', '[project]\nlicense = "Apache-2.0"\n'),
        ("pyproject.toml", '[project]\nlicense = { file = "LICENSE" }\n', "[project]\n"),
        ("pyproject.toml", '[tool.poetry]\nlicense = "MIT"\n', '[tool.poetry]\nlicense = "GPL-3.0"\n'),
        ("package.json", '{"license": "MIT"}', '{"license": "UNLICENSED"}'),
        ("Cargo.toml", '[package]\nlicense = "MIT"\n', '[package]\nlicense = "0BSD"\n'),
    ],
)
def test_the_declared_licence(path: str, before: str, after: str) -> None:
    assert rules({path: (before, after)}) == ["metadata"]
    assert rules({path: (before, before + "\n")}) == []


# -------------------------------------------------------------------------------------------------------- generated


@pytest.mark.parametrize(
    "line",
    ["*.py linguist-generated", "shop/** linguist-generated=true", "* -diff", "*.py binary", "shop export-ignore",
     '"shop/cart.py" -diff', "*.py diff=nothing", "cart.py linguist-vendored", "* gitlab-generated", "*.p[y] -text",
     "/shop/*.py -diff", "**/cart.py filter=x"],
)  # fmt: skip
def test_attributes_name_what_they_hide(line: str) -> None:
    files: dict[str, Pair] = {".gitattributes": ("# x\n", f"# x\n{line}\n"), "shop/cart.py": ("a = 1\n", "a = 2\n")}
    (finding,) = found(files, "generated")
    assert (finding.rule, finding.line) == ("generated/attributes", 2)
    assert "shop/cart.py" in finding.message


def test_attributes_of_a_folder_reach_no_further() -> None:
    files: dict[str, Pair] = {"web/.gitattributes": (None, "*.py -diff\n"), "shop/cart.py": ("a\n", "b\n")}
    (finding,) = found(files, "generated")
    assert "shop/cart.py" not in finding.message


@pytest.mark.parametrize(
    "line", ["*.py text", "* text=auto eol=lf", "*.py diff=python", "x -linguist-generated", "# -diff"]
)
def test_honest_attributes(line: str) -> None:
    assert rules({".gitattributes": (None, f"{line}\n")}, "generated") == []


@pytest.mark.parametrize(
    "mark", ["# @generated", "// Code generated by x. DO NOT EDIT.", "# This file is auto-generated"]
)
def test_marks_of_generated_code(mark: str) -> None:
    assert rules({"shop/a.py": (None, f"{mark}\na = 1\n")}, "generated") == ["mark"]
    assert rules({"shop/a.py": ("a = 1\n", f"{mark}\na = 2\n")}, "generated") == ["mark"]
    assert rules({"shop/a.py": (f"{mark}\na = 1\n", f"{mark}\na = 2\n")}, "generated") == []
    assert rules({"shop/a.py": (None, "a = 1\n" * 60 + f"{mark}\n")}, "generated") == []
    assert rules({"docs/a.md": (None, f"{mark}\n")}, "generated") == []


def test_endless_lines_and_folded_places() -> None:
    assert rules({"web/a.js": (None, "x()\n" + "f();" * 600 + "\n")}, "generated") == ["long-line"]
    assert rules({"data.json": (None, "[" + "1," * 3000 + "1]\n")}, "generated") == []
    for path in (
        "vendor/x.go",
        "web/node_modules/a/index.js",
        "web/Dist/a.js",
        "a.min.js",
        "api_pb2.py",
        "third_party/a.c",
    ):
        assert rules({path: ("a\n", "b\n")}, "generated") == ["folded-path"]
    assert rules({"vendor/README.md": ("a\n", "b\n"), "vendor/x.go": ("a\n", None)}, "generated") == []


@pytest.mark.parametrize(
    "path", ["uv.lock", "package-lock.json", "web/yarn.lock", "go.sum", "Cargo.lock", "poetry.lock"]
)
def test_a_lock_file_that_is_none(path: str) -> None:
    assert "not-a-lock-file" in rules({path: (None, "import os\nos.system('x')\n")}, "generated")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("uv.lock", 'version = 1\n[[package]]\nname = "a"\n'),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {}}'),
        ("yarn.lock", '# yarn lockfile v1\n\na@^1:\n  version "1"\n'),
        ("yarn.lock", "__metadata:\n  version: 6\n"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        ("go.sum", "example.com/a v1.0.0 h1:abc=\n"),
        ("Gemfile.lock", "GEM\n  remote: https://rubygems.org/\n"),
    ],
)
def test_lock_files_that_are(path: str, text: str) -> None:
    assert rules({path: (None, text)}, "generated") == []
