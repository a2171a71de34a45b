"""What ``repos.toml`` may say of environments, sandboxes and networks; each wrong way is refused at its line."""

import pytest

from deputy.domain.errors import BadPolicy
from deputy.policy import lint, load
from deputy.policy.files.model import MODEL

POLICY = "p, a-eng, role:engineer, acme/*, edit, **, allow, -\ng, user:T0ACME/U0ALICE, role:engineer, acme/*\n"
REPOS = """\
[repo."acme/shop"]
url = "shop.git"
git = true
network = ["api.example.org"]

[repo."acme/shop".sandbox]
memory = 1
cpus = 0.5
processes = 1
disk = 1
inodes = 1

[repo."acme/shop".environment]
packages = ["libpq-dev", "g++", "python3.11"]
setup = [["python3", "-m", "venv", "/opt/env"]]
inputs = ["requirements*.txt"]
network = ["pypi.org", "*.example.org", "registry"]
path = ["/opt/env/bin", "/"]
env = { PGHOST = "db" }
secrets = ["NPM_TOKEN", "DOCKERHUB_TOKEN"]
keep = ["node_modules", "packages/a/node_modules"]
timeout = 1

[[repo."acme/shop".checks]]
name = "tests"
kind = "tests"
run = ["pytest", "--junitxml=out/report.xml"]
tests = ["tests/**"]
report = "out/report.xml"
"""


def files_of(repos: str) -> dict[str, bytes]:
    return {"model.conf": MODEL.encode(), "policy.csv": POLICY.encode(), "repos.toml": repos.encode()}


def test_what_is_right_is_left_alone() -> None:
    assert lint(files_of(REPOS)) == ()


def test_a_folder_is_not_of_the_workspace_because_it_begins_like_it() -> None:
    assert lint(files_of(REPOS.replace("/opt/env/bin", "/workspace-tools/bin"))) == ()


HOSTS = [
    ("*", "would be every host"),
    ("*.", "would be every host"),
    ("*.org", "would be every host, or nearly"),
    ("*.*.org", "a star elsewhere"),
    ("pypi.*", "a star elsewhere"),
    ("**.example.org", "a star elsewhere"),
    ("https://pypi.org", "has a scheme"),
    ("pypi.org:443", "has a port"),
    ("pypi.org/simple", "has a path"),
    ("PyPI.org", "is no host name in lower case"),
    ("127.0.0.1", "is no host name"),
    ("::1", "has a port"),
    ("localhost", "is the machine itself"),
    ("*.localhost", "would be every host, or nearly"),
    ("a.localhost", "is the machine itself"),
    ("pypi .org", "is no host name"),
    ("pypi.org.", "is no host name"),
    ("-a.org", "is no host name"),
    ("", "is no host name"),
    ("a" * 64 + ".org", "is no host name"),
    ("a.b\\n", "is no host name"),
]


@pytest.mark.parametrize(("host", "message"), HOSTS)
@pytest.mark.parametrize("place", ['"api.example.org"', '"pypi.org", "*.example.org", "registry"'])
def test_hosts(place: str, host: str, message: str) -> None:
    problems = lint(files_of(REPOS.replace(place, f'"{host}"')))
    assert [message in problem.message for problem in problems] == [True], problems
    assert problems[0].line == (4 if "api" in place else 17)


WRONG = [
    ('"libpq-dev"', '"libpq-dev; reboot"', 14, "is no Debian package"),
    ('"libpq-dev"', '"-y"', 14, "is no Debian package"),
    ('"libpq-dev"', '"x"', 14, "is no Debian package"),
    ('"libpq-dev"', '"Libpq"', 14, "is no Debian package"),
    ('["python3", "-m", "venv", "/opt/env"]', "[]", 15, "is no command"),
    ('["python3", "-m", "venv", "/opt/env"]', '["", "x"]', 15, "is no command"),
    ('"requirements*.txt"', '"[ab].txt"', 16, "glob '[ab].txt'"),
    ('"/opt/env/bin"', '"opt/env/bin"', 18, "is no absolute folder"),
    ('"/opt/env/bin"', '"/opt/../bin"', 18, "is no absolute folder"),
    ('"/opt/env/bin"', '"/opt:/bin"', 18, "is no absolute folder"),
    *(('"/opt/env/bin"', f'"{folder}"', 18, "is no folder of the image") for folder in (
        "/workspace", "/workspace/", "/workspace/bin", "//workspace/bin", "/proc/self/cwd/bin")),
    ("PGHOST =", '"A-B" =', 19, "is no name of a variable"),
    ("PGHOST =", "PATH =", 13, "env sets PATH"),
    ("git = true", 'env = { PATH = "/bin" }', 3, "env sets PATH"),
    ('"NPM_TOKEN"', '"npm_token"', 20, "is no name of a secret"),
    ('"NPM_TOKEN"', '"NPM_TOKEN=x"', 20, "is no name of a secret"),
    *(('"NPM_TOKEN"', f'"{name}"', 20, f"{name} is Deputy's own") for name in (
        "SLACK_BOT_TOKEN", "OPENAI_API_KEY", "DEPUTY_DATABASE_URL", "DOCKER_HOST", "DATABASE_URL", "X_DATABASE_URI")),
    ('"node_modules"', '"/node_modules"', 21, "is not inside the workspace"),
    ('"node_modules"', '"../node_modules"', 21, "is not inside the workspace"),
    ('"node_modules"', '"a/../.."', 21, "is not inside the workspace"),
    ('"node_modules"', '"."', 21, "is not inside the workspace"),
    ('"node_modules"', '""', 21, "is not inside the workspace"),
    ("timeout = 1", "timeout = 0", 22, "timeout 0 leaves no time"),
    ("memory = 1", "memory = 0", 7, "memory = 0 leaves nothing"),
    ("cpus = 0.5", "cpus = -1.0", 8, "cpus = -1.0 leaves nothing"),
    ("processes = 1", "processes = 0", 9, "processes = 0 leaves nothing"),
    ("disk = 1", "disk = 0", 10, "disk = 0 leaves nothing"),
    ("inodes = 1", "inodes = -5", 11, "inodes = -5 leaves nothing"),
    ('report = "out/report.xml"', 'report = "/out/report.xml"', 24, "is no report that is read"),
    ('report = "out/report.xml"', 'report = "../report.xml"', 24, "is no report that is read"),
    ('report = "out/report.xml"', 'report = "report.html"', 24, "is no report that is read"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "line", "message"), WRONG)
def test_everything_else(right: str, wrong: str, line: int, message: str) -> None:
    assert right in REPOS
    files = files_of(REPOS.replace(right, wrong, 1))
    problems = lint(files)
    assert [message in problem.message for problem in problems] == [True], problems
    assert problems[0].line == line
    assert problems[0].fix
    with pytest.raises(BadPolicy):
        load(files)
