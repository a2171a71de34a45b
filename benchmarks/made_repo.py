"""A repository like a real one, written straight into git: source, tests, data, documents and lock files."""

import json
import random
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

VOCABULARY = (
    "account address amount basket billing cache cart channel client clock config coupon currency customer "
    "delivery discount draft email entry event extra field filter form gateway group header history image index "
    "invoice item label ledger limit line list locale lookup message method model money month name note number "
    "offer order owner page parcel partner payment period person phone place plan policy price product profile "
    "quantity query quota rate receipt record refund region report request result retry reserve review role rule "
    "sale schedule search section seller session setting share shipment shop site sku slot source stage state "
    "status stock store street sum supplier table tag task tax team term ticket time title token total tracker "
    "transfer unit update user value vendor version view voucher warehouse week weight window zone "
)
WORDS = tuple(VOCABULARY.split())
MEDIAN, SPREAD, LARGEST = 3_000, 0.8, 60_000
FILES_NEAR = 60
KINDS = ("py",) * 45 + ("test.py",) * 15 + ("js",) * 15 + ("test.js",) * 5 + ("json",) * 9 + ("md",) * 9 + ("lock",) * 2
Files = dict[str, str]


@dataclass(frozen=True)
class Author:
    """Writes files from a die: the same die writes the same files."""

    dice: random.Random

    def file(self, number: int) -> tuple[str, str]:
        """Path and content. Sizes are log-normal around three kilobytes, as those of real repositories are."""
        kind, size = self.dice.choice(KINDS), min(LARGEST, int(MEDIAN * self.dice.lognormvariate(0, SPREAD)))
        # Some ten files in a folder, as real repositories have.
        folder = f"{WORDS[number // FILES_NEAR // 10 % len(WORDS)]}/{WORDS[number // FILES_NEAR % len(WORDS)]}"
        path, block = {
            "py": (f"src/{folder}/{self.word()}_{number}.py", self.python),
            "test.py": (f"tests/{folder}/test_{self.word()}_{number}.py", self.python_test),
            "js": (f"web/{folder}/{self.word()}{number}.js", self.javascript),
            "test.js": (f"web/{folder}/{self.word()}{number}.test.js", self.javascript_test),
            "json": (f"data/{folder}/{self.word()}{number}.json", self.python),
            "md": (f"docs/{folder}/{self.word()}-{number}.md", self.prose),
            "lock": (f"services/{self.word()}{number}/poetry.lock", self.locked),
        }[kind]
        return path, self.json(size) if kind == "json" else self._fill(size, block)

    def edited(self, path: str, text: str) -> str:
        """The same file after a day's work: a block more, and a few lines in another order of words."""
        if path.endswith(".json"):
            return json.dumps({**json.loads(text), self.word(): self.words(4)}, indent=2) + "\n"
        if path.endswith(".lock"):
            return text + self.locked()
        block = {
            ("py", True): self.python_test,
            ("py", False): self.python,
            ("js", True): self.javascript_test,
            ("js", False): self.javascript,
        }.get((path.rpartition(".")[2], "test" in path), self.prose)
        lines = [line.replace("the ", "each ") if self.dice.random() < 0.1 else line for line in text.split("\n")]
        return "\n".join(lines) + block()

    def word(self) -> str:
        return self.dice.choice(WORDS)

    def words(self, count: int) -> str:
        return " ".join(self.dice.choices(WORDS, k=count))

    def _fill(self, size: int, block: Callable[[], str]) -> str:
        text = block()
        while len(text) < size:
            text += block()
        return text

    def python(self) -> str:
        name, one, other, number = self.word(), self.word(), self.word(), self.dice.randrange(10**6)
        return (
            f"def {name}_{number}({one}, {other}=None, *, {self.word()}_limit={number % 97}):\n"
            f'    """Give the {self.words(8)}."""\n'
            f"    if {one} is None:  # the {self.words(4)}\n"
            f'        raise ValueError("the {self.words(5)}")\n'
            f"    {name} = sum(entry.{self.word()} * {number % 13} for entry in {one}.{self.word()} if entry)\n"
            f'    log.info("{self.words(3)}: %s", {name})\n'
            f"    return {{'{other}': {other} or [], '{self.word()}_token': {name}, 'url': 'https://{name}.example.com/{one}'}}\n\n\n"
        )

    def python_test(self) -> str:
        number = self.dice.randrange(10**6)
        return (
            f"def test_{self.word()}_{number}(shop):\n"
            f"    {self.word()} = shop.{self.word()}({number}, '{self.words(2)}')\n"
            f"    assert shop.{self.word()} == {number}\n"
            f"    assert '{self.word()}' in shop.{self.word()}.{self.word()}  # the {self.words(5)}\n"
            f"    with pytest.raises(ValueError, match='{self.word()}'):\n"
            f"        shop.{self.word()}(None)\n\n\n"
        )

    def javascript(self) -> str:
        name, number = self.word(), self.dice.randrange(10**6)
        return (
            f"/** The {self.words(8)}. */\n"
            f"export async function {name}{number}({self.word()}, {{ {self.word()} = null }} = {{}}) {{\n"
            f"  const {name} = await fetch(`/api/{self.word()}/${{{number}}}`, {{ headers: {{ accept }} }});\n"
            f"  if (!{name}.ok) throw new Error('the {self.words(4)}');\n"
            f"  return {name}.json().then((rows) => rows.filter((row) => row.{self.word()} > {number}));\n}}\n\n"
        )

    def javascript_test(self) -> str:
        number = self.dice.randrange(10**6)
        return (
            f"test('{self.words(4)} {number}', async () => {{\n"
            f"  const {self.word()} = await {self.word()}({number});\n"
            f"  expect({self.word()}.{self.word()}).toBe({number});\n"
            f"  expect(() => {self.word()}(null)).toThrow('{self.word()}');\n}});\n\n"
        )

    def prose(self) -> str:
        lines = "\n".join(f"The {self.words(12)}." for _ in range(4))
        return f"## The {self.words(3)}\n\n{lines}\n\n- `{self.word()}`: {self.words(6)}\n\n"

    def json(self, size: int) -> str:
        rows = [{"id": n, "name": self.words(2), "price": n * 7, "tags": [self.word()]} for n in range(size // 110 + 1)]
        return json.dumps({"rows": rows}, indent=2) + "\n"

    def locked(self) -> str:
        name, digest = f"{self.word()}-{self.dice.randrange(10**6)}", f"{self.dice.getrandbits(256):064x}"
        return (
            f'[[package]]\nname = "{name}"\nversion = "{self.dice.randrange(9)}.{self.dice.randrange(30)}"\n'
            f'description = "The {self.words(5)}"\noptional = false\npython-versions = ">=3.9"\n'
            f'files = [\n    {{file = "{name}-py3-none-any.whl", hash = "sha256:{digest}"}},\n]\n\n'
        )


def files(author: Author, count: int, start: int = 0) -> Files:
    """So many files by path."""
    return dict(author.file(number) for number in range(start, start + count))


def commit(git_dir: Path, branch: str, content: Mapping[str, str]) -> None:
    """A branch of one commit that holds just these files, in a bare repository that is made when it isn't there."""
    if not git_dir.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(git_dir)], check=True)
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=git_dir, input=b"".join(_stream(branch, content.items())), check=True
    )


def _stream(branch: str, content: Iterable[tuple[str, str]]) -> Iterable[bytes]:
    yield b"commit refs/heads/%b\ncommitter Alice <alice@example.com> 0 +0000\ndata 0\n" % branch.encode()
    for path, text in content:
        raw = text.encode()
        yield b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(raw), raw)
