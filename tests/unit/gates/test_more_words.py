# ruff: noqa: E501 - a finding is one line here, as people read it
"""What each gate says, word for word: severity, rule, place, sentence and advice are what people act on."""

import pytest

from deputy.domain.changes.git_modes import ABSENT
from deputy.domain.review.finding import Finding
from deputy.gates import GATES
from tests.support.gates import Pair, patch_of

MAIL = "alice.marsh" + "@" + "shopmail.de"  # so that this file holds nobody's address
PLAIN, PROGRAM, LINK, MODULE = "100644", "100755", "120000", "160000"


FIXES = {
    "binary/content": "say in the request that it is wanted",
    "binary/program": "add the source and build from it",
    "dependencies/content": "restore the hash, or move to a new version",
    "dependencies/moved": "ask for the new version by name",
    "dependencies/new": "ask for the dependency by name; a person with the right to add one signs off",
    "dependencies/removed": "make sure that nothing needs it",
    "dependencies/source": "take it from the registry that the repository uses already",
    "generated/attributes": "leave the attributes as they are, and read the named files in the attached patch",
    "generated/folded-path": "read it in the attached patch, or take it from where it is built",
    "generated/mark": "take the mark out, or read it",
    "generated/not-a-lock-file": "give it a name that says what it is",
    "licences/copyright": "restore the line",
    "licences/file": "leave it as it was; whoever answers for licences decides about it",
    "licences/foreign": "write it anew, or have whoever answers for licences agree to the terms",
    "licences/header": "restore the header",
    "licences/metadata": "leave it as it was; whoever answers for licences decides about it",
    "paths/collision": "rename the file",
    "paths/git": "submodules and nested repositories are not accepted",
    "paths/hidden-characters": "rename the file",
    "paths/link": "copy the content, or link to a file inside the repository by a relative path",
    "paths/link-escapes": "copy the content, or link to a file inside the repository by a relative path",
    "paths/link-replaced": "check what pointed there",
    "paths/mode": "use an ordinary file",
    "paths/mode-change": "leave the mode as it was unless asked",
    "paths/short-name": "rename the file",
    "paths/submodule": "leave submodules as they are",
    "paths/traversal": "rename the file",
    "paths/windows": "rename the file",
    "personal-data/email": "make it up (example.com, test numbers), or have whoever answers for personal data agree",
    "personal-data/phone": "make it up (example.com, test numbers), or have whoever answers for personal data agree",
    "personal-data/table": "make it up (example.com, test numbers), or have whoever answers for personal data agree",
    "policy-files/instructions": "leave it out unless the request asks for it",
    "policy-files/own": "change them by hand, in a commit of your own",
    "policy-files/owners": "change it by hand",
    "runs-on-its-own/build": "leave it out, or say in the request why it must change",
    "runs-on-its-own/ci": "leave it out, or say in the request why it must change",
    "runs-on-its-own/container": "leave it out, or say in the request why it must change",
    "runs-on-its-own/editor": "leave it out, or say in the request why it must change",
    "runs-on-its-own/git": "leave it out, or say in the request why it must change",
    "runs-on-its-own/hook": "leave it out, or say in the request why it must change",
    "runs-when-used/build": "move the change into code that is called on purpose, or say in the request why it must be here",
    "runs-when-used/file": "move the change into code that is called on purpose, or say in the request why it must be here",
    "runs-when-used/script": "move the change into code that is called on purpose, or say in the request why it must be here",
    "secrets/credential": "read it from the environment or a secret store, and revoke it if it was real",
    "secrets/file": "keep it out of the repository",
    "suppressions/comment": "satisfy the check instead of switching it off",
    "suppressions/config": "satisfy the check instead of switching it off",
    "tests-weakened/assert-removed": "keep the test as strict as it was, or ask for the change of behaviour by name",
    "tests-weakened/broader": "keep the test as strict as it was, or ask for the change of behaviour by name",
    "tests-weakened/cases-removed": "keep the test as strict as it was, or ask for the change of behaviour by name",
    "tests-weakened/deleted-file": "keep the test as strict as it was, or ask for the change of behaviour by name",
    "tests-weakened/skip": "keep the test as strict as it was, or ask for the change of behaviour by name",
    "tests-weakened/snapshot": "compare old and new output",
    "tests-weakened/test-removed": "keep the test as strict as it was, or ask for the change of behaviour by name",
    "tests-weakened/tolerance": "keep the test as strict as it was, or ask for the change of behaviour by name",
    "tests-weakened/unparsable": "compare both sides by eye",
    "text-tricks/bidi": "write it in plain characters, or as an escape",
    "text-tricks/bom": "remove it",
    "text-tricks/invisible": "write it in plain characters, or as an escape",
    "text-tricks/look-alike": "write it in plain characters, or as an escape",
}


def said(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"{finding.severity} {finding.rule} [{place}] {finding.message}"


CASES: list[tuple[str, dict[str, Pair], dict[str, tuple[str, str]], list[str]]] = [
    # ----------------------------------------------------------------------------------------------------------- paths
    ("paths", {"a\u200b.py": (None, "x")}, {}, [
        "deny paths/hidden-characters [a\u200b.py] The name holds control, format or undecodable characters",
    ]),
    ("paths", {"a\ufffd.py": (None, "x")}, {}, [
        "deny paths/hidden-characters [a\ufffd.py] The name holds control, format or undecodable characters",
    ]),
    ("paths", {"a//b": (None, "x")}, {}, [
        "deny paths/traversal [a//b] The path does not stay inside the tree",
    ]),
    ("paths", {"./b": (None, "x")}, {}, [
        "deny paths/traversal [./b] The path does not stay inside the tree",
        "deny paths/windows [./b] . means something else on Windows",
    ]),
    ("paths", {"sub/.git/x": (None, "x")}, {}, [
        "deny paths/git [sub/.git/x] .git is git's own name, or can be read as it",
    ]),
    ("paths", {"x/con.txt": (None, "x")}, {}, [
        "deny paths/windows [x/con.txt] con.txt means something else on Windows",
    ]),
    ("paths", {"LONGNA~1": (None, "x")}, {}, [
        "review paths/short-name [LONGNA~1] LONGNA~1 can be the short name of another file on Windows",
    ]),
    ("paths", {"vendor": ("a", None)}, {"vendor": (MODULE, ABSENT)}, [
        "deny paths/submodule [vendor] A submodule is added, moved or removed",
    ]),
    ("paths", {"x": (None, "y")}, {"x": (ABSENT, "100600")}, [
        "deny paths/mode [x] Git mode 100600 is not a file's",
    ]),
    ("paths", {"x": ("y", "z")}, {"x": (LINK, PLAIN)}, [
        "review paths/link-replaced [x] A symbolic link becomes a file",
    ]),
    ("paths", {"x": ("y", None), "z": ("y", None)}, {"x": (LINK, ABSENT), "z": ("100600", ABSENT)}, []),
    ("paths", {"x": ("y", "y")}, {"x": (PROGRAM, PLAIN)}, [
        "review paths/mode-change [x] The mode changes from 100755 to 100644",
    ]),
    ("paths", {"x": ("y", "z"), "y": ("y", "z")}, {"x": (PLAIN, PROGRAM), "y": (PROGRAM, PROGRAM)}, [
        "review paths/mode-change [x] The mode changes from 100644 to 100755",
    ]),
    ("paths", {"x": (None, "z")}, {"x": (ABSENT, PROGRAM)}, [
        "advise paths/mode-change [x] The mode changes from 000000 to 100755",
    ]),
    ("paths", {"docs/x": (None, "../a")}, {"docs/x": (ABSENT, LINK)}, [
        "review paths/link [docs/x] A symbolic link to ../a: whoever reads it reads that",
    ]),
    ("paths", {"docs/x": (None, "/etc")}, {"docs/x": (ABSENT, LINK)}, [
        "deny paths/link-escapes [docs/x] A symbolic link has an absolute target",
    ]),
    ("paths", {"docs/x": (None, "../../a")}, {"docs/x": (ABSENT, LINK)}, [
        "deny paths/link-escapes [docs/x] A symbolic link leaves the tree",
    ]),
    ("paths", {"docs/x": (None, "a/.git/x")}, {"docs/x": (ABSENT, LINK)}, [
        "deny paths/link-escapes [docs/x] A symbolic link points into git's own folder",
    ]),
    ("paths", {"docs/x": (None, "a\x00")}, {"docs/x": (ABSENT, LINK)}, [
        "deny paths/link-escapes [docs/x] A symbolic link has an unreadable target",
    ]),
    ("paths", {"docs/x": (None, "")}, {"docs/x": (ABSENT, LINK)}, [
        "deny paths/link-escapes [docs/x] A symbolic link has an unreadable target",
    ]),
    ("paths", {"docs/x": (None, "b/c"), "docs/b": (None, "q")}, {"docs/x": (ABSENT, LINK)}, [
        "deny paths/link-escapes [docs/x] A symbolic link goes through another link",
    ]),
    ("paths", {"docs/x": (None, "b/c"), "docs/b/c": (None, "q")}, {"docs/x": (ABSENT, LINK)}, [
        "review paths/link [docs/x] A symbolic link to b/c: whoever reads it reads that",
    ]),
    ("paths", {"A/b/x": (None, "b"), "a/b/y": (None, "q")}, {}, [
        "deny paths/collision [a/b/y] a and A are one name on some file systems",
    ]),
    # ---------------------------------------------------------------------------------------------------------- binary
    ("binary", {"x": (None, b'\x7fELF\x00abc'), "y.EXE": (None, b'abc'), "z": (None, b'MZ ok'), "w": (None, b'MZ \xff')}, {}, [
        "deny binary/program [x] A compiled program or archive of programs: its source can't be reviewed here",
        "deny binary/program [y.EXE] A compiled program or archive of programs: its source can't be reviewed here",
        "deny binary/program [w] A compiled program or archive of programs: its source can't be reviewed here",
    ]),
    ("binary", {"x": (None, b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'), "y": (None, b'\xff')}, {}, [
        "review binary/content [x] 1,234 bytes that are not UTF-8 text",
        "review binary/content [y] 1 bytes that are not UTF-8 text",
    ]),
    # ---------------------------------------------------------------------------------------------------- policy-files
    ("policy-files", {".deputy/x": (None, "x"), "CODEOWNERS": ("x", None), "AGENTS.md": ("x", "y")}, {}, [
        "deny policy-files/own [.deputy/x] The patch edits the rules that it is judged by",
        "review policy-files/owners [CODEOWNERS] The patch changes who owns which code",
        "review policy-files/instructions [AGENTS.md] The patch changes what agents are told",
    ]),
    # -------------------------------------------------------------------------------------------------- runs-when-used
    ("runs-when-used", {"setup.py": (None, "x"), "package.json": ('{"scripts": {"a": 1, "c": 1, "d": 1}, "bin": 1, "husky": 2}', '{"scripts": {"a": 2, "b": 1, "d": 1}, "bin": 2, "husky": 2, "lint-staged": 1, "simple-git-hooks": 3}')}, {}, [
        "review runs-when-used/file [setup.py] Code in this file runs on installing, testing or starting",
        "review runs-when-used/script [package.json] Package script bin changes",
        "review runs-when-used/script [package.json] Package script lint-staged changes",
        "review runs-when-used/script [package.json] Package script scripts.a changes",
        "review runs-when-used/script [package.json] Package script scripts.b changes",
        "review runs-when-used/script [package.json] Package script simple-git-hooks changes",
    ]),
    ("runs-when-used", {"pyproject.toml": ('[tool.poe]\na=1\n[tool.taskipy]\nb=1\n[project.scripts]\na="b"\n', '[build-system]\nrequires=[]\n[project.scripts]\na="c"\n[project.entry-points.x]\na="b"\n[tool.hatch.build.hooks.custom]\na=1\n[tool.setuptools.cmdclass]\na=1\n[tool.poe]\na=2\n[tool.taskipy]\nb=2\n')}, {}, [
        "review runs-when-used/build [pyproject.toml] Table build-system changes",
        "review runs-when-used/build [pyproject.toml] Table project.entry-points changes",
        "review runs-when-used/build [pyproject.toml] Table project.scripts changes",
        "review runs-when-used/build [pyproject.toml] Table tool.hatch.build.hooks changes",
        "review runs-when-used/build [pyproject.toml] Table tool.poe changes",
        "review runs-when-used/build [pyproject.toml] Table tool.setuptools.cmdclass changes",
        "review runs-when-used/build [pyproject.toml] Table tool.taskipy changes",
    ]),
    # ------------------------------------------------------------------------------------------------- runs-on-its-own
    ("runs-on-its-own", {"Makefile": (None, "x"), ".github/x.yml": ("a", "b"), "Dockerfile": ("a", None), ".husky/x": ("a", "b"), ".vscode/x": ("a", "b"), ".gitattributes": ("a", "b")}, {}, [
        "review runs-on-its-own/build [Makefile] A build file is added: it acts without anybody asking it to",
        "review runs-on-its-own/ci [.github/x.yml] A ci file is modified: it acts without anybody asking it to",
        "review runs-on-its-own/container [Dockerfile] A container file is deleted: it acts without anybody asking it to",
        "review runs-on-its-own/hook [.husky/x] A hook file is modified: it acts without anybody asking it to",
        "review runs-on-its-own/editor [.vscode/x] A editor file is modified: it acts without anybody asking it to",
        "review runs-on-its-own/git [.gitattributes] A git file is modified: it acts without anybody asking it to",
    ]),
    # ---------------------------------------------------------------------------------------------------- dependencies
    ("dependencies", {"requirements.txt": ("a==1\nb==1\nc==1 --hash=sha256:aa\nd==1\n", "a==2\nc==1 --hash=sha256:bb\nd @ https://x.example/d\ne==1\nf\n")}, {}, [
        "review dependencies/moved [requirements.txt] a moves from ==1 to ==2",
        "advise dependencies/removed [requirements.txt] b is no longer a dependency",
        "review dependencies/content [requirements.txt] c keeps its version but not its content hash",
        "deny dependencies/source [requirements.txt] d now comes from https://x.example/d, which is not the usual registry (before: ==1)",
        "review dependencies/new [requirements.txt] e is a new dependency (==1)",
        "review dependencies/new [requirements.txt] f is a new dependency (any version)",
    ]),
    # --------------------------------------------------------------------------------------------------------- secrets
    ("secrets", {"x.py": ("a\n", "a\n\npassword = 'hush-hush-1'\n"), "id_rsa": (None, "x"), ".env": ("a", "b"), ".env.example": (None, "x")}, {}, [
        "review secrets/credential [x.py:3] What looks like a secret is added (credential)",
        "review secrets/file [id_rsa] Files of this name hold credentials",
    ]),
    # ----------------------------------------------------------------------------------------------------- text-tricks
    ("text-tricks", {"x.py": ("a\n", "\ufeffa\n")}, {}, [
        "review text-tricks/bom [x.py:1] A byte order mark is added",
    ]),
    ("text-tricks", {"x.py": ("a\n", "a\r\n")}, {}, [
        "review text-tricks/line-ends [x.py] Line ends change from LF to CRLF: every line differs, and the real change is hard to see",
    ]),
    ("text-tricks", {"x.py": ("a\r\n", "a\n\r\n")}, {}, [
        "review text-tricks/line-ends [x.py] Line ends change from CRLF to mixed: every line differs, and the real change is hard to see",
    ]),
    ("text-tricks", {"x.py": (None, "a\n\r\n")}, {}, [
        "review text-tricks/line-ends [x.py] Line ends are mixed",
    ]),
    ("text-tricks", {"x.py": ("a\n", "a\nb\u202e\u202e\u200b\n")}, {}, [
        "review text-tricks/bidi [x.py:2] RIGHT-TO-LEFT OVERRIDE (2 \xd7) reorders what a reader sees",
        "review text-tricks/invisible [x.py:2] ZERO WIDTH SPACE (1 \xd7) is not seen by a reader",
    ]),
    ("text-tricks", {"x.py": ("a\n", "a\n\x01 = p\u0430y\n")}, {}, [
        "review text-tricks/invisible [x.py:2] U+0001 (1 \xd7) is not seen by a reader",
        "review text-tricks/look-alike [x.py:2] 'p\\u0430y' mixes scripts so that it can pass for 'pay'",
    ]),
    ("text-tricks", {"x.py": ("cope\n", "cope\n\u0441\u043e\u0440\u0435 = \uff45\uff56\n")}, {}, [
        "review text-tricks/look-alike [x.py:2] '\\u0441\\u043e\\u0440\\u0435' mixes scripts so that it can pass for 'cope'",
        "review text-tricks/look-alike [x.py:2] '\\uff45\\uff56' mixes scripts so that it can pass for 'ev'",
    ]),
    ("text-tricks", {"x.py": ("a\n", "b\n\ufeffa\n")}, {}, [
        "review text-tricks/invisible [x.py:2] ZERO WIDTH NO-BREAK SPACE (1 \xd7) is not seen by a reader",
    ]),
    ("text-tricks", {"x.py": ("a\n", "a\x0cb\n")}, {}, []),
    # -------------------------------------------------------------------------------------------------- tests-weakened
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/test-removed [tests/test_x.py] Test test_b is gone",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/assert-removed [tests/test_x.py:1] Test test_a asserts 1 times instead of 2",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/cases-removed [tests/test_x.py:12] Test test_c runs with 1 sets of parameters instead of 2",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(Exception, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/broader [tests/test_x.py:6] Test test_b is content with any exception",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/broader [tests/test_x.py:6] Test test_b no longer compares the message of an exception",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-2)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/tolerance [tests/test_x.py:1] Test test_a tolerates more (rel=0.01)",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=LOOSE)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/tolerance [tests/test_x.py:1] Test test_a tolerates more (rel=something computed)",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=3)\n")}, {}, [
        "review tests-weakened/tolerance [tests/test_x.py:12] Test test_c tolerates more (places=3)",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\n@pytest.mark.skip\ndef test_b():\n    pytest.skip()\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/skip [tests/test_x.py:6] 2 more skips or expected failures",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def (", "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/unparsable [tests/test_x.py] The test file could not be parsed before the patch: what changed in it is not known",
    ]),
    ("tests-weakened", {"tests/test_x.py": (None, "def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n\npytest.skip('x')\n")}, {}, [
        "review tests-weakened/skip [tests/test_x.py:15] 1 more skips or expected failures",
    ]),
    ("tests-weakened", {"tests/test_x.py": ("def test_a():\n    assert f(1) == 2\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n", None), "tests/test_y.py": (None, "def test_a():\n    assert f(2) == pytest.approx(1, rel=1e-3)\n\n\ndef test_b():\n    with pytest.raises(ValueError, match='no'):\n        g()\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_c(n):\n    self.assertAlmostEqual(n, h(), places=5)\n")}, {}, [
        "review tests-weakened/assert-removed [tests/test_x.py] Test test_a asserts 1 times instead of 2",
    ]),
    ("tests-weakened", {"tests/x.json": ("a", None), "a.snap": ("a", "b"), "b.snap": ("a", None), "c.snap": (None, "c")}, {}, [
        "review tests-weakened/snapshot [a.snap] Recorded expectations are modified",
        "review tests-weakened/snapshot [b.snap] Recorded expectations are deleted",
        "review tests-weakened/deleted-file [tests/x.json] A test file is deleted",
    ]),
    ("tests-weakened", {"a.rs": ("#[test]\nfn a() { assert!(1); }\n", "fn a() {}\n"), "b.rs": ("fn b() {}\n", "fn b() { }\n")}, {}, [
        "review tests-weakened/test-removed [a.rs] Test a is gone",
    ]),
    # ---------------------------------------------------------------------------------------------------- suppressions
    ("suppressions", {"x.py": ("a = 1\n", "a = 1\nb = 1  # noqa: E501\nc = 2  # type: ignore\n")}, {}, [
        "review suppressions/comment [x.py:2] 2 more suppressions of checks (the first new one: # noqa)",
    ]),
    ("suppressions", {"x.py": ("b = 1  # noqa\n", "c = 2  # noqa\n"), "x.md": (None, "# noqa\n"), "x.RST": (None, "# noqa\n"), "y.py": ("# noqa\n", None)}, {}, []),
    ("suppressions", {"ruff.toml": (None, "x"), ".flake8": ("x", None), "setup.cfg": ("[mypy]\na=1\n[x]\nb=1\n", "[mypy]\na=2\n[x]\nb=2\n[tool:pytest]\nc=1\n"), "pyproject.toml": ("[tool.ruff]\na=1\n[tool.poe]\na=1\n[tool.black]\nb=1\n", "[tool.ruff]\na=2\n[tool.poe]\na=2\n"), "tox.ini": ("[tox]\na=1\n", None)}, {}, [
        "review suppressions/config [ruff.toml] Configuration of checks is added",
        "review suppressions/config [.flake8] Configuration of checks is deleted",
        "review suppressions/config [setup.cfg] Configuration of mypy changes",
        "review suppressions/config [setup.cfg] Configuration of tool:pytest changes",
        "review suppressions/config [pyproject.toml] Configuration of black changes",
        "review suppressions/config [pyproject.toml] Configuration of ruff changes",
        "review suppressions/config [tox.ini] Configuration of tox changes",
    ]),
    # ------------------------------------------------------------------------------------------------------- generated
    ("generated", {".gitattributes": ("# x\n", '# x\n\n*.py linguist-generated -diff\n*.c diff=cpp\nshop/** binary\n"a b" -text\n'), "shop/x.py": (None, "x"), "y.c": (None, "x")}, {}, [
        "review generated/attributes [.gitattributes:3] *.py gets linguist-generated, -diff, which keeps changes from reviewers' tools; of this patch it covers shop/x.py",
        "review generated/attributes [.gitattributes:5] shop/** gets binary, which keeps changes from reviewers' tools; of this patch it covers shop/x.py",
        "review generated/attributes [.gitattributes:6] a b gets -text, which keeps changes from reviewers' tools",
    ]),
    ("generated", {"sub/.gitattributes": (None, "/x.py linguist-generated\n"), "sub/x.py": (None, "x"), "x.py": (None, "x")}, {}, [
        "review generated/attributes [sub/.gitattributes:1] /x.py gets linguist-generated, which keeps changes from reviewers' tools; of this patch it covers sub/x.py",
    ]),
    ("generated", {".gitattributes": (None, "*.py -diff\n"), "0.py": (None, "x"), "1.py": (None, "x"), "2.py": (None, "x"), "3.py": (None, "x"), "4.py": (None, "x"), "5.py": (None, "x")}, {}, [
        "review generated/attributes [.gitattributes:1] *.py gets -diff, which keeps changes from reviewers' tools; of this patch it covers 0.py, 1.py, 2.py, 3.py, 4.py and 1 more",
    ]),
    ("generated", {".gitattributes": (None, "*.py -diff\n"), "0.py": (None, "x"), "1.py": (None, "x"), "2.py": (None, "x"), "3.py": (None, "x"), "4.py": (None, "x")}, {}, [
        "review generated/attributes [.gitattributes:1] *.py gets -diff, which keeps changes from reviewers' tools; of this patch it covers 0.py, 1.py, 2.py, 3.py, 4.py",
    ]),
    ("generated", {".gitattributes": (None, "a/*.py -diff\n?.c -diff\na/**/z -diff\nq -diff\n[ab] -diff"), "a/b.py": (None, "x"), "a/b/c.py": (None, "x"), "d/x.c": (None, "x"), "d/xx.c": (None, "x"), "a/z": (None, "x"), "a/b/c/z": (None, "x"), "q/x": (None, "c")}, {}, [
        "review generated/attributes [.gitattributes:1] a/*.py gets -diff, which keeps changes from reviewers' tools; of this patch it covers a/b.py",
        "review generated/attributes [.gitattributes:2] ?.c gets -diff, which keeps changes from reviewers' tools; of this patch it covers d/x.c",
        "review generated/attributes [.gitattributes:3] a/**/z gets -diff, which keeps changes from reviewers' tools; of this patch it covers a/z, a/b/c/z",
        "review generated/attributes [.gitattributes:4] q gets -diff, which keeps changes from reviewers' tools; of this patch it covers q/x",
        "review generated/attributes [.gitattributes:5] [ab] gets -diff, which keeps changes from reviewers' tools; of this patch it covers .gitattributes, a/b.py, a/b/c.py, d/x.c, d/xx.c and 3 more",
    ]),
    ("generated", {"yarn.lock": (None, "hello\n"), "vendor/x.py": (None, "x"), "vendor/x.txt": (None, "x")}, {}, [
        "review generated/not-a-lock-file [yarn.lock] The file has a lock file's name, which reviewers' tools fold away, and not a lock file's content",
        "review generated/folded-path [vendor/x.py] Reviewers' tools fold this away as vendored or built, and it is code that the patch writes",
    ]),
    ("generated", {"x.py": (None, "# @generated\n"), "y.py": ("a\n", "a\n# Do not edit\n"), "z.md": (None, "@generated")}, {}, [
        "review generated/mark [x.py:1] A new file is marked as generated, so that reviewers' tools fold it away",
        "review generated/mark [y.py:2] A file that was written by hand is marked as generated, so that reviewers' tools fold it away",
    ]),
    # -------------------------------------------------------------------------------------------------------- licences
    ("licences", {"LICENSE": ("a", "b"), "x.py": ("# SPDX-License-Identifier: MIT\n# Copyright 2020 Alice Marsh\na = 1\n", "# SPDX-License-Identifier: GPL-3.0\n# Copyright 2020 Alice Marsh\na = 1\n"), "y.py": ("# SPDX-License-Identifier: MIT\n# Copyright 2020 Alice Marsh\na = 1\n", "a = 1\n"), "z.py": ("# SPDX-License-Identifier: MIT\n# Copyright 2020 Alice Marsh\na = 1\n", "# SPDX-License-Identifier: MIT\n# Copyright 2020-2024 Alice Marsh\na = 1\n")}, {}, [
        "review licences/file [LICENSE] A file with licence terms or notices is modified",
        "review licences/header [x.py] The licence that the file names goes from MIT to GPL-3.0",
        "review licences/header [y.py] The file's MIT tag is gone",
        "review licences/copyright [y.py] A copyright line is removed or altered: copyright alice marsh",
    ]),
    ("licences", {"x.py": ("# Licensed under the Apache License\na\n", "a\n")}, {}, [
        "review licences/header [x.py] The file's Apache licence header is removed or replaced",
    ]),
    (
        "licences",
        {"pyproject.toml": ('[project]\nlicense="MIT"\n', '[project]\nlicense="GPL-3.0"\n'), "new.py": (None, "# SPDX-License-Identifier: GPL-3.0\n"), "ok.py": (None, "# SPDX-License-Identifier: MIT\n")},
        {},
        [
            'review licences/metadata [pyproject.toml] The declared licence goes from "MIT" to "GPL-3.0"',
            "review licences/foreign [new.py] A new file stands under GPL terms, and this repository under MIT: it may be copied code",
        ],
    ),
    (
        "licences",
        {"package.json": ('{"license":"MIT"}', "{}")},
        {},
        [
            'review licences/metadata [package.json] The declared licence goes from "MIT" to nothing',
        ],
    ),
    # --------------------------------------------------------------------------------------------------- personal-data
    ("personal-data", {"x.py": (None, "a\nmail = '" + MAIL + "'\n"), "p.csv": (None, "first_name,birth_date\na,b\na,b\na,b\na,b\n"), "q.csv": (None, "first_name,birth_date\na,b\n\na,b\n\na,b\n\n")}, {}, [
        "review personal-data/email [x.py:2] What looks like somebody's e-mail address is added",
        "review personal-data/table [p.csv] 5 added lines in a file whose columns are about people (names, and dates of birth or the like)",
    ]),
    ("personal-data", {"AUTHORS": (None, f"{MAIL} tel +44 20 8759 1" + "294\n"), "a.lock": (None, MAIL)}, {}, [
        "review personal-data/phone [AUTHORS:1] What looks like a telephone number is added",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("gate", "files", "modes", "expected"), CASES)
def test_word_for_word(
    gate: str, files: dict[str, Pair], modes: dict[str, tuple[str, str]], expected: list[str]
) -> None:
    findings = [*GATES[gate](patch_of(files, modes))]
    assert [said(finding) for finding in findings] == expected
    assert {finding.gate for finding in findings} <= {gate}
    assert all(finding.fix == FIXES[finding.rule] for finding in findings if finding.rule in FIXES)


def test_the_line_ends_to_keep_are_the_ones_that_were() -> None:
    pairs: list[tuple[Pair, str]] = [
        (("a\n", "a\r\n"), "keep LF"), (("a\r\n", "a\n"), "keep CRLF"), ((None, "a\n\r\n"), "use one kind"),
    ]  # fmt: skip
    for pair, fix in pairs:
        assert [finding.fix for finding in GATES["text-tricks"](patch_of({"x.py": pair}))] == [fix]
