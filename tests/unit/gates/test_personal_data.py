"""Personal data in a patch: seen by form and check digit, never quoted, and not seen in what only looks like it."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates import inspect
from deputy.gates.personal_data.forms import find_personal_data
from deputy.gates.personal_data.numbers import is_bsn, is_card, is_iban, is_insee, is_tax_id, luhn
from tests.support.examples import examples

AT = "@"  # so that this file holds nobody's address


def found(files: dict[str, tuple[str | None, str]]) -> tuple[Finding, ...]:
    changes = [
        FileChange(
            path=path,
            kind=ChangeKind.ADDED if old is None else ChangeKind.MODIFIED,
            old_mode="000000" if old is None else "100644",
            new_mode="100644",
            old_blob="a",
            new_blob="b",
        )
        for path, (old, _) in files.items()
    ]
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=tuple(changes))

    def read(side: str, path: str) -> bytes | None:
        text = files.get(path, (None, None))[side == "head"]
        return None if text is None else text.encode()

    return tuple(f for f in inspect(change, read, None, {}, ()) if f.gate == "personal-data")


def _digit(stem: str, is_right: object) -> str:
    """The stem with the check digits that make it right: nobody's number, and of the right form."""
    width = 2 if is_right is is_insee else 1
    return next(f"{stem}{n:0{width}}" for n in range(10**width) if is_right(f"{stem}{n:0{width}}"))  # type: ignore[operator]


def _iban(country: str, rest: str) -> str:
    return next(f"{country}{n:02}{rest}" for n in range(2, 99) if is_iban(f"{country}{n:02}{rest}"))


CARD = _digit("453914880343646", is_card)
IBAN = _iban("DE", "751081240812451261"[:18])
PEOPLE = [
    ("email", f"owner = 'alice.marsh{AT}shopmail.de'"),
    ("email", f"Contact <j.dupont+x{AT}courrier.fr>"),
    ("phone", "+44 20 8759 1" + "294"),
    ("phone", "tel: 030 / 901 " + "820 42"),
    ("phone", "phone: (415) 892-1" + "294"),
    ("iban", f"pay to {IBAN}"),
    ("iban", f"pay to {' '.join(IBAN[i : i + 4] for i in range(0, 22, 4))}."),
    ("card", f"card={CARD}"),
    ("card", "-".join(CARD[i : i + 4] for i in range(0, 16, 4))),
    ("national-id", "ssn=457-55-" + "5462"),
    ("national-id", f"steuer_id: {_digit('3657426180', is_tax_id)}"),
    ("national-id", f"NIR {_digit('1841276451089', is_insee)}"),
    ("national-id", "NI number AB 12 34 " + "16 C"),
    ("national-id", f"bsn: {_digit('12398745', is_bsn)}"),
    ("address", "client_ip=81.2.69." + "142"),
    ("birth-date", "dob: 1987-03-" + "14"),
    ("birth-date", "geboren am 14.03." + "1987"),
]


@pytest.mark.parametrize(("kind", "line"), PEOPLE)
def test_it_is_asked_about_by_place_and_never_quoted(kind: str, line: str) -> None:
    (finding,) = found({"shop/data.py": ("a = 1\n", f"a = 1\n\n# {line}\n")})
    assert (finding.rule, finding.severity, finding.line) == (f"personal-data/{kind}", Severity.REVIEW, 3)
    said = finding.message + finding.fix + finding.path
    assert not [word for word in line.split() if any(char.isdigit() for char in word) and word in said]
    assert "marsh" not in said
    assert found({"shop/data.py": (f"# {line}\na = 1\n", f"a = 1\n# {line}\n")}) == ()


@pytest.mark.parametrize(
    "line",
    [
        "version = 1.2.3.4", "lodash@4.17.21", "react@npm:18.2.0", "image@sha256:9f86d081884c7d659a2feaa0c55ad015",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "550e8400-e29b-41d4-a716-446655440000",
        "2026-11-22T18:10:30.123456Z", "1700000000 1699999999999", "ts=20260101123456", "port = 8080",
        "git@github.com:acme/shop.git", "https://user@host/", "@decorator.name", "icon@2x.png", "getty@tty1.service",
        "alice@example.com", "alice@shop.test", "a@example.co.invalid", "noreply@github.com", "support@shopmail.de",
        "dependabot[bot]@users.noreply.github.com", "4242 4242 4242 4242", "4111-1111-1111-1111", "1234567890123456",
        "+1 555 0100", "phone: 555-0100",
        "tel: +44 20 7946 0" + "958", "+1.5e-10 +12 345", "x = a +123 456",
        "UTC+01:00 2020",
        "+2020-01-01", "@@ -100,200 +100,20000 @@", "000-12-3456", "ssn: 666-12-3456", "ssn: 900-12-3456",
        "078-05-1120",
        "DE89 3704 0044 0532 0130 00", "GB00WEST12345698765432", "isbn 9780306406157", "client 192.168.1.1",
        "peer 10.0.0.1",
        "server 203.0.113.9", "client 1.1.1.1", "8.8.4.4 client", "released 1987-03-14",
        "birth_date = date(1990, 1, 1)",
        "dob: 1990-01-01", "dob: 2026-13-45", "id = 123456789", "steuer_id = 12345678901", "bsn = 123456782",
        "matrix = [[1, 2, 3], [4, 5, 6]]", "0x1234567890abcdef", "3.14159265358979323846", "color: #4539148803436467",
    ],
)  # fmt: skip
def test_what_only_looks_like_it(line: str) -> None:
    assert list(find_personal_data(line)) == []


@pytest.mark.parametrize(
    ("is_right", "number"),
    [
        (is_card, CARD),
        (is_iban, IBAN),
        (is_tax_id, _digit("3657426180", is_tax_id)),
        (is_insee, _digit("1841276451089", is_insee)),
        (is_bsn, _digit("12398745", is_bsn)),
    ],
)
def test_a_wrong_check_digit_makes_it_nobodys(is_right: Callable[[str], bool], number: str) -> None:
    assert is_right(number)
    assert not any(is_right(f"{number[:-1]}{digit}") for digit in "0123456789" if digit != number[-1])


def test_who_wrote_it_may_be_said_where_that_is_said() -> None:
    author = f'authors = [{{name = "Alice Marsh", email = "alice.marsh{AT}shopmail.de"}}]\n'
    assert found({"pyproject.toml": (None, f"[project]\n{author}")}) == ()
    assert len(found({"shop/people.toml": (None, author)})) == 1


def test_a_table_of_people_is_seen_by_its_columns() -> None:
    rows = "".join(f"Person {n},1970-0{n}-02,x\n" for n in range(1, 8))
    (finding,) = [f for f in found({"fixtures/p.csv": (None, f"name,date_of_birth,team\n{rows}")}) if f.line == 0]
    assert finding.rule == "personal-data/table"
    assert found({"fixtures/p.csv": (None, f"name,released,team\n{rows}")}) == ()
    sql = "INSERT INTO p (first_name, dob) VALUES\n" + "".join(f"('P', '{n}'),\n" for n in range(9))
    assert [f.rule for f in found({"seed.sql": (None, sql)})] == ["personal-data/table"]
    assert found({"fixtures/p.csv": (f"name,dob\n{rows}", f"name,dob\n{rows}Q,1970-01-01,x\n")}) == ()


def test_many_places_are_counted() -> None:
    lines = "".join(f"p{n}{AT}shopmail.de\n" for n in range(200, 300))
    rules = [f.rule for f in found({"x.txt": (None, lines)})]
    assert rules.count("personal-data/email") == 20
    assert rules.count("personal-data/many") == 1


@settings(max_examples=examples(200), deadline=None)
@given(st.text(max_size=200), st.text(st.sampled_from("0123456789 -./+@()ABDE[]:,x"), max_size=200))
def test_nothing_raises(one: str, other: str) -> None:
    for line in (one, other, f"ssn dob tel iban bsn nir client steuer nino {other}"):
        assert all(kind and title for kind, title in find_personal_data(line))


@given(st.text(st.sampled_from("0123456789"), min_size=1, max_size=18))
def test_exactly_one_check_digit_is_right(stem: str) -> None:
    assert sum(luhn(stem + digit) for digit in "0123456789") == 1


@pytest.mark.parametrize(
    "piece", ["1 ", "+1 ", "1-", "a@b.", "a", "(0", "AB12 ", "1.1.1.", "0 1/", "19", "+1(1)1", "@"]
)
def test_a_long_line_comes_to_an_end(piece: str) -> None:
    words = "tel client ssn iban bsn nir dob steuer "
    list(find_personal_data(words + piece * (200_000 // len(piece))))


def test_noise_is_not_people() -> None:
    source = random.Random(7)
    lines = ["".join(source.choices("0123456789abcdef", k=64)) for _ in range(3000)]
    assert [line for line in lines if list(find_personal_data(line))] == []
