"""Node: what the lock file says, kept as node_modules, and the checks among the scripts of package.json."""

import re
from collections.abc import Iterator

from deputy.domain.policy.config import Check
from deputy.environments.files import Files, Table, table, text_of
from deputy.environments.languages.workspaces import folders_of_their_own, pnpm_packages
from deputy.environments.proposal import Finding, Topic, check, step

HOST = "registry.npmjs.org"
_NEWEST = 18  # of the Node that Debian bookworm, the default sandbox image, has
_GLOBS = (
    "test/**",
    "tests/**",
    "**/__tests__/**",
    *(
        f"**/*.{word}.{ending}"
        for word in ("test", "spec")
        for ending in ("js", "ts", "mjs", "cjs", "mts", "jsx", "tsx")
    ),
    "test.js",
    "test.mjs",
    "test.ts",
)
_TYPES = ("typecheck", "type-check", "types", "check-types", "test:types", "tsc", "check:types")
_LINT = ("lint", "lint:js", "eslint", "lint:check")
# Test programs whose output can be counted, and what makes it so.
_COUNTED = (
    (r"\bvitest\b", ()),
    (r"\bjest\b|\breact-scripts test\b", ()),
    (r"\bmocha\b", ("--reporter", "tap")),
    (r"\bnode\b.*--test\b", ()),
    (r"\bava\b", ("--tap",)),
    (r"\btape\b", ()),
)
_EMPTY_TEST = "no test specified"


def node(files: Files) -> Iterator[Finding]:
    """All that a Node repository needs."""
    if not files.has("package.json"):
        return
    package = files.json("package.json")
    yield Finding(topic=Topic.LANGUAGE, text="Node", why="there is package.json", file="package.json")
    for name in ("nodejs", "npm"):
        yield Finding(topic=Topic.PACKAGES, text=name, why="there is package.json", file="package.json")
    is_needed = _needs(package) or any(_needs(files.json(path)) for path in pnpm_packages(files))
    steps = [*_version(files, package), *(_install(files, package) if is_needed else ())]
    yield from steps
    if steps:
        yield Finding(topic=Topic.NETWORK, text=HOST, why="packages are downloaded from there")
    if is_needed:
        yield from _around(files, package)
    yield from _checks(files, package)


def _needs(package: Table) -> bool:
    """Whether there is anything to install; without that, no folder comes to be that could be kept."""
    return any(package.get(key) for key in ("dependencies", "devDependencies", "optionalDependencies", "workspaces"))


def _version(files: Files, package: Table) -> Iterator[Finding]:
    """A newer Node than Debian's, which the registry has as a package of its own."""
    told = text_of(table(package, "engines").get("node"))
    lowest = min(
        (int(major) for major in re.findall(r"(?<![\d.])(?:>=|\^|~|v)?\s*(\d{1,3})(?=[.\s|x]|$)", told)), default=0
    )
    file = "package.json"
    for name in (".nvmrc", ".node-version"):
        if found := re.match(r"v?(\d{1,3})(?:\.|\s|$)", files.text(name)):
            lowest, file = max(lowest, int(found[1])), name
    if lowest > _NEWEST:
        why = f"{file} wants Node {lowest}, Debian's is {_NEWEST}"
        yield step(("npm", "install", "--global", f"node@{lowest}"), why, file)


def _install(files: Files, package: Table) -> Iterator[Finding]:
    # Git hooks are of no use here, and installing them fails without a repository.
    quiet = ("env", "HUSKY=0") if "husky" in str(package) else ()
    manager = text_of(package.get("packageManager")).split("+")[0]
    if lock := files.first("package-lock.json", "npm-shrinkwrap.json"):
        yield step((*quiet, "npm", "ci", "--no-audit", "--no-fund"), f"{lock} has the versions", lock)
    elif files.has("pnpm-lock.yaml"):
        named = manager if manager.startswith("pnpm@") else f"pnpm@{_pnpm(files)}"
        yield step(("npm", "install", "--global", named), "pnpm-lock.yaml is read by pnpm", "pnpm-lock.yaml")
        why = "pnpm-lock.yaml has the versions"
        yield step((*quiet, "env", "CI=1", "pnpm", "install", "--frozen-lockfile"), why, "pnpm-lock.yaml")
    elif files.has("yarn.lock"):
        yield from _yarn(files, quiet, manager)
    else:
        run = (*quiet, "npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
        yield step(
            run, "package.json lists what is needed; there is no lock file, so versions may change", "package.json"
        )


def _pnpm(files: Files) -> str:
    """The newest pnpm that writes this kind of lock file and runs on Debian's Node."""
    version = re.match(r"lockfileVersion:\s*['\"]?(\d+)", files.text("pnpm-lock.yaml"))
    return {"5": "7", "6": "8"}.get(version[1] if version else "", "9")


def _yarn(files: Files, quiet: tuple[str, ...], manager: str) -> Iterator[Finding]:
    why = "yarn.lock has the versions"
    if "yarn lockfile v1" in files.text("yarn.lock")[:200]:
        yield step(("npm", "install", "--global", "yarn@1"), "yarn.lock is read by Yarn", "yarn.lock")
        yield step((*quiet, "yarn", "install", "--frozen-lockfile", "--non-interactive"), why, "yarn.lock")
        return
    own = re.search(r"^yarnPath:\s*[\"']?([\w./-]+)", files.text(".yarnrc.yml"), re.MULTILINE)
    program: tuple[str, ...] = ("node", own[1]) if own else ("corepack", manager or "yarn@stable")
    if not own:
        yield step(
            ("npm", "install", "--global", "corepack"), "it brings the Yarn that package.json names", "package.json"
        )
        yield Finding(
            topic=Topic.NETWORK, text="repo.yarnpkg.com", why="Yarn itself comes from there", file="yarn.lock"
        )
    yield step((*quiet, "env", "YARN_NODE_LINKER=node-modules", *program, "install", "--immutable"), why, "yarn.lock")


def _around(files: Files, package: Table) -> Iterator[Finding]:
    yield Finding(topic=Topic.KEEP, text="node_modules", why="setup makes it, and every sandbox needs it")
    used = (
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        ".npmrc",
        ".yarnrc.yml",
        ".nvmrc",
    )
    for name in (*filter(files.has, used), *filter(files.has, ("pnpm-workspace.yaml",))):
        yield Finding(topic=Topic.INPUTS, text=name, why="setup reads it", file=name)
    if package.get("workspaces") or files.has("pnpm-workspace.yaml"):
        yield from _workspaces(files)


def _workspaces(files: Files) -> Iterator[Finding]:
    """Packages beside each other: what each has of its own is made and kept, too."""
    ours = pnpm_packages(files)
    for path in dict.fromkeys((*files.matching("*/package.json", "*/*/package.json"), *ours)):
        yield Finding(topic=Topic.INPUTS, text=path, why="a workspace of its own", file=path)
    for folder in folders_of_their_own(files, ours):  # npm and Yarn put nearly everything at the top
        path = f"{folder.removesuffix('node_modules')}package.json"
        why = "pnpm makes one for each package of its workspace"
        yield Finding(topic=Topic.KEEP, text=folder, why=why, file=path)


def _checks(files: Files, package: Table) -> Iterator[Finding]:
    scripts = {name: text_of(body) for name, body in table(package, "scripts").items()}
    yield from _tests(files, scripts)
    for kind, names in (("lint", _LINT), ("types", _TYPES)):
        found = next((name for name in names if scripts.get(name)), "")
        if found:
            each = Check(name=kind, kind=kind, run=("npm", "run", "--silent", found))
            yield check(each, f"package.json has the script {found!r}", "package.json")
    has_types = any(scripts.get(name) for name in _TYPES)
    if not has_types and files.has("tsconfig.json") and "typescript" in table(package, "devDependencies"):
        run = ("npx", "--no-install", "tsc", "--noEmit")
        yield check(Check(name="types", kind="types", run=run), "there is tsconfig.json", "tsconfig.json")


def _tests(files: Files, scripts: dict[str, str]) -> Iterator[Finding]:
    body = scripts.get("test", "")
    if not body or _EMPTY_TEST in body:
        return
    name, program, more = _runner("test", scripts)
    globs = tuple(glob for glob in _GLOBS if files.matching(glob))
    run = ("npm", "test") if name == "test" else ("npm", "run", name)
    why = f"package.json has the script {name!r}" + (f", which runs {program}" if program else "")
    env = {"CI": "1"}
    if program and globs:
        whole = (*run, "--", *more) if more else run
        yield check(Check(name="tests", kind="tests", run=whole, tests=globs, env=env), why, "package.json")
        return
    yield check(Check(name="tests", run=run, env=env), f"{why}; its tests can't be counted", "package.json")


def _runner(name: str, scripts: dict[str, str]) -> tuple[str, str, tuple[str, ...]]:
    """The script that runs the tests, the program that it runs, and what else to tell it; empty when none is known.

    Options go to the last command of a line, so a script of several commands is followed to the one that tests.
    """
    waiting, seen = [name], set[str]()
    while waiting:
        here = waiting.pop(0)
        if here in seen:
            continue
        seen.add(here)
        body = scripts.get(here, "")
        last = re.split(r"&&|;|\|\|", body)[-1].strip()
        for pattern, more in _COUNTED:
            if found := re.search(pattern, last):
                told = re.search(r"--reporter[ =]tap|--tap\b", last)
                return here, found[0].split(" ")[0], () if told else more
        called = re.findall(r"(?:npm|yarn|pnpm)(?: run)?(?: --?\w+)* ([\w:.-]+)", body)
        waiting = [*dict.fromkeys(each for each in called if each in scripts), *waiting]
    return name, "", ()
