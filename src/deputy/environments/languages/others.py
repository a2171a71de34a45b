"""Go, Rust, Ruby, Java: what Debian's packages and the usual commands give; the rest is left to who adds it."""

import re
from collections.abc import Iterator

from deputy.domain.policy.config import Check
from deputy.environments.files import Files
from deputy.environments.proposal import Finding, Topic, check, step

_NEWEST_GO = (1, 19)  # in Debian bookworm, as are the others named below
_UNCOUNTED = "its output has no counts that Deputy reads; name a JUnit report in the check to have its tests counted"


def _other_image(base: str) -> str:
    return f'write image = "{base}" above, and take Debian\'s own out of packages'


def go(files: Files) -> Iterator[Finding]:
    """Go: modules in a cache of the image."""
    file = "go.mod"
    if not files.has(file):
        return
    why = "there is go.mod"
    yield Finding(topic=Topic.LANGUAGE, text="Go", why=why, file=file)
    yield Finding(topic=Topic.PACKAGES, text="golang-go", why=why, file=file)
    if re.search(r"^require\b", files.text(file), re.MULTILINE):
        yield step(("go", "mod", "download"), "go.mod lists modules", file)
        for host in ("proxy.golang.org", "sum.golang.org"):
            yield Finding(topic=Topic.NETWORK, text=host, why="go downloads modules from there")
    for text in ("GOMODCACHE=/opt/env/go", "GOCACHE=/tmp/go-build", "GOFLAGS=-modcacherw"):
        yield Finding(topic=Topic.ENV, text=text, why="the image keeps the modules, each sandbox its own build")
    for name in filter(files.has, (file, "go.sum")):
        yield Finding(topic=Topic.INPUTS, text=name, why="setup reads it", file=name)
    tests = "**/*_test.go"
    if files.matching(tests):
        yield check(
            Check(name="tests", kind="tests", run=("go", "test", "-v", "./..."), tests=(tests,)),
            "there are *_test.go",
            file,
        )
    yield check(Check(name="lint", kind="lint", run=("go", "vet", "./...")), why, file)
    wanted = re.search(r"^go (\d{1,9})\.(\d{1,9})", files.text(file), re.MULTILINE)
    if wanted and (int(wanted[1]), int(wanted[2])) > _NEWEST_GO:
        version = f"{wanted[1]}.{wanted[2]}"
        text = f"it wants Go {version}, Debian's is 1.19: {_other_image(f'golang:{version}-bookworm')}"
        yield Finding(topic=Topic.NOTE, text=text, why="the go line", file=file)


def rust(files: Files) -> Iterator[Finding]:
    """Rust: crates in a cache of the image."""
    file = "Cargo.toml"
    if not files.has(file):
        return
    why = "there is Cargo.toml"
    yield Finding(topic=Topic.LANGUAGE, text="Rust", why=why, file=file)
    for package in ("cargo", "build-essential"):
        yield Finding(topic=Topic.PACKAGES, text=package, why=why, file=file)
    locked = ("--locked",) if files.has("Cargo.lock") else ()
    yield step(("cargo", "fetch", *locked), "Cargo.toml lists crates", file)
    for host in ("index.crates.io", "static.crates.io", "crates.io", "github.com"):
        yield Finding(topic=Topic.NETWORK, text=host, why="cargo downloads crates, or their index, from there")
    yield Finding(topic=Topic.ENV, text="CARGO_HOME=/opt/env/cargo", why="the image keeps the crates")
    for name in filter(files.has, (file, "Cargo.lock", "rust-toolchain.toml")):
        yield Finding(topic=Topic.INPUTS, text=name, why="setup reads it", file=name)
    run = ("cargo", "test", "--offline", *locked)
    tests = _rust_tests(files)
    yield check(Check(name="tests", kind="tests", run=run, tests=tests, timeout=900), why, file)
    if not tests:
        # A glob of the code itself would make every patch a patch of tests.
        text = (
            "no file is known to be a test, as tests inside the code are not told apart: none proves that a bug is gone"
        )
        yield Finding(topic=Topic.NOTE, text=text, why="there is no folder tests", file=file)
    text = f"Debian's cargo is 1.63; for newer crates, {_other_image('rust:1-bookworm')}"
    yield Finding(topic=Topic.NOTE, text=text, why=why, file=file)


def _rust_tests(files: Files) -> tuple[str, ...]:
    """The folders that cargo takes for tests, of the crate at the top or of those below it, too."""
    below = files.matching("**/tests/**")
    if not below:
        return ()
    return ("tests/**",) if all(path.startswith("tests/") for path in below) else ("**/tests/**",)


def ruby(files: Files) -> Iterator[Finding]:
    """Ruby: gems in a folder of the image."""
    file = "Gemfile"
    if not files.has(file):
        return
    why = "there is Gemfile"
    yield Finding(topic=Topic.LANGUAGE, text="Ruby", why=why, file=file)
    for package in ("bundler", "ruby-dev", "build-essential"):
        yield Finding(topic=Topic.PACKAGES, text=package, why=why, file=file)
    yield step(("bundle", "install"), "Gemfile lists gems", file)
    for host in ("rubygems.org", "index.rubygems.org"):
        yield Finding(topic=Topic.NETWORK, text=host, why="bundler downloads gems from there")
    yield Finding(topic=Topic.ENV, text="BUNDLE_PATH=/opt/env/bundle", why="the image keeps the gems")
    for name in filter(files.has, (file, "Gemfile.lock", ".ruby-version")):
        yield Finding(topic=Topic.INPUTS, text=name, why="setup reads it", file=name)
    if files.matching("spec/**/*_spec.rb"):
        rspec = Check(name="tests", run=("bundle", "exec", "rspec"))
        yield check(rspec, f"spec/ is there; {_UNCOUNTED}", "Gemfile")
    elif files.matching("test/**/*.rb") and files.has("Rakefile"):
        rake = Check(name="tests", run=("bundle", "exec", "rake", "test"))
        yield check(rake, f"Rakefile and test/ are there; {_UNCOUNTED}", "Rakefile")
    if files.has(".rubocop.yml"):
        rubocop = Check(name="lint", kind="lint", run=("bundle", "exec", "rubocop", "--cache", "false"))
        yield check(rubocop, "there is .rubocop.yml", ".rubocop.yml")


def java(files: Files) -> Iterator[Finding]:
    """Java and its kin: Maven with a repository of the image; Gradle is left to who adds it."""
    file = files.first("pom.xml", "build.gradle", "build.gradle.kts")
    if not file:
        return
    yield Finding(topic=Topic.LANGUAGE, text="Java", why=f"there is {file}", file=file)
    yield Finding(topic=Topic.PACKAGES, text="default-jdk-headless", why=f"there is {file}", file=file)
    if file != "pom.xml":
        text = 'Debian has no Gradle of use: write image = "gradle:8-jdk17", and setup and checks of your own'
        yield Finding(topic=Topic.NOTE, text=text, why=f"there is {file}", file=file)
        return
    maven = ("mvn", "--batch-mode", "-Dmaven.repo.local=/opt/env/maven")
    yield Finding(topic=Topic.PACKAGES, text="maven", why="there is pom.xml", file=file)
    yield step((*maven, "dependency:go-offline"), "pom.xml lists what is needed", file)
    yield Finding(topic=Topic.NETWORK, text="repo.maven.apache.org", why="Maven downloads from there")
    for name in files.matching("pom.xml", "*/pom.xml"):
        yield Finding(topic=Topic.INPUTS, text=name, why="setup reads it", file=name)
    tests = Check(name="tests", run=(*maven, "--offline", "test"), timeout=900)
    yield check(tests, f"there is pom.xml; {_UNCOUNTED}", file)
