"""What runners call a failed test and is none: a file that can't be loaded, a package that isn't built, a fixture.

A test that imports what only the patch brings ends like this on the old code, whatever it tests.
"""

import re

# Node's runner and Vitest give a file that throws while it loads the place of a test, and its path the place of a name.
_FILE = re.compile(r"\S+\.[cm]?[jt]sx?")
_HOOK = re.compile(r"\"(?:before|after) (?:all|each)\" hook\b")
_UNITTEST_HOLDER = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \(")
_UNBUILT = re.compile(r"\[(?:build|setup) failed\]")
# pytest's words in JUnit XML.
_UNCOLLECTED, _UNPREPARED = (
    {"collection failure", "internal error"},
    ("failed on setup with", "failed on teardown with"),
)


def is_file(name: str) -> bool:
    """Whether a test's name is the path of a file of tests in JavaScript or TypeScript."""
    words = re.split(r"[._-]", name.rsplit("/", 1)[-1])
    return _FILE.fullmatch(name) is not None and ("/" in name or "test" in words or "spec" in words)


def is_hook(name: str) -> bool:
    """Whether a test's name is that of something around tests, as Mocha and unittest name it."""
    return bool(_HOOK.search(name) or _UNITTEST_HOLDER.match(name))


def is_unloaded(suite: str, name: str, message: str, text: str) -> bool:
    """Whether a broken case of JUnit XML stands for a file, module or package that could not be loaded or built."""
    return (
        is_file(name)
        or suite.endswith("_FailedTest")
        or message in _UNCOLLECTED
        or bool(_UNBUILT.search(name) or _UNBUILT.search(text))
    )


def is_unready(name: str, message: str) -> bool:
    """Whether a broken case of JUnit XML is a test that a fixture or a hook kept from running."""
    return message.startswith(_UNPREPARED) or is_hook(name)
