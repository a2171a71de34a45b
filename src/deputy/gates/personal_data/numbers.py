"""Whether a number that has the form of somebody's is one: check digits, ranges, and the numbers that are nobody's."""

import re
from datetime import date
from ipaddress import IPv4Address
from types import MappingProxyType

from deputy.domain.text.ip_ranges import CLOSED_4, EXAMPLES_4, is_in

_LENGTHS = MappingProxyType(
    {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "PT",
        26: "IS TR",
        27: "FR GR IT MC SM",
        28: "AL AZ CY DO HU LB PL",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
    }
)
_IBAN_LENGTHS = MappingProxyType({country: n for n, countries in _LENGTHS.items() for country in countries.split()})
# The examples of the IBAN registry and of the encyclopaedias, which every test uses.
_EXAMPLE_IBANS = frozenset(
    {
        "DE89370400440532013000", "GB82WEST12345698765432", "GB29NWBK60161331926819", "FR1420041010050500013M02606",
        "NL91ABNA0417164300", "ES9121000418450200051332", "CH9300762011623852957", "AT611904300234573201",
        "BE68539007547034", "IT60X0542811101000000123456", "FR7630006000011234567890189", "GB33BUKB20201555555555",
    }
)  # fmt: skip
_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
)
# What payment providers publish for tests.
_TEST_CARDS = frozenset(
    re.findall(
        r"\d+",
        "4242424242424242 4111111111111111 4012888888881881 4000056655665556 5555555555554444 5105105105105100 "
        "5200828282828210 2223003122003222 378282246310005 371449635398431 378734493671000 6011111111111117 "
        "6011000990139424 3056930009020004 36227206271667 30569309025904 38520000023237 3566002020360505 "
        "3530111333300000 4222222222222 4917610000000000 5454545454545454 4444333322221111 4988438843884305 "
        "5425233430109903 4263982640269299 4917484589897107 4001919257537193 4007702835532454 5424000000000015",
    )
)
# Kept free for fiction by the numbering plans, or typed by whoever needs some number.
_FICTION = re.compile(
    r"555(?:01\d\d|\d{4})$|555\d{7}$|(?:^44|^0)(?:20794[67]0|7700900|1632960)|123456|(\d)\1{5}|987654"
)
_BAD_PREFIXES = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "QQ"})
_RESOLVERS = frozenset({"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "1.2.3.4"})
_FEW = 3  # different digits that a number made up in a hurry has at most


def digits_of(text: str) -> str:
    """The ASCII digits of a text."""
    return re.sub(r"[^0-9]", "", text)


def is_phone(text: str) -> bool:
    """As many digits as E.164 allows, and not of a range that is kept for examples."""
    digits = digits_of(text)
    return 9 <= len(digits) <= 15 and _FICTION.search(digits) is None  # noqa: PLR2004


def is_iban(text: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as numbers, modulo 97 is 1."""
    compact = text.replace(" ", "")
    if _IBAN_LENGTHS.get(compact[:2]) != len(compact) or compact in _EXAMPLE_IBANS:
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: with every second digit from the right doubled, the digit sum is a multiple of ten."""
    doubled = (int(char) * (1 + index % 2) for index, char in enumerate(reversed(digits)))
    return sum(sum(divmod(value, 10)) for value in doubled) % 10 == 0


def is_card(text: str) -> bool:
    """An issuer's prefix and length, Luhn's check digit, and not a number for tests."""
    digits = digits_of(text)
    is_made_up = digits in _TEST_CARDS or len(set(digits)) <= _FEW or "0000000" in digits
    return _ISSUERS.fullmatch(digits) is not None and not is_made_up and luhn(digits)


def is_ssn(text: str) -> bool:
    """US: area not 000, 666 or 9xx, group not 00, serial not 0000; the ones from advertisements are nobody's."""
    digits = digits_of(text)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    is_given_out = area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    return is_given_out and digits not in {"078051120", "219099999", "123456789"} and len(set(digits)) > _FEW


def is_tax_id(text: str) -> bool:
    """Germany's Steuer-ID: ISO 7064 MOD 11,10; of the first ten digits one comes twice or three times."""
    digits = digits_of(text)
    if len(digits) != 11 or digits[0] == "0" or len(set(digits[:10])) not in {8, 9}:  # noqa: PLR2004
        return False
    product = 10
    for char in digits[:10]:
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def is_insee(text: str) -> bool:
    """France's register number: 97 minus the first thirteen digits modulo 97 (Corsica: 2A counts 19, 2B 18)."""
    compact = re.sub(r"[ .-]", "", text).upper().replace("2A", "19").replace("2B", "18")
    if len(compact) != 15 or digits_of(compact) != compact:  # noqa: PLR2004
        return False
    month = int(compact[3:5])  # those that nobody knows are coded above 19
    return (1 <= month <= 12 or 20 <= month <= 42) and 97 - int(compact[:13]) % 97 == int(compact[13:])  # noqa: PLR2004


def is_nino(text: str) -> bool:
    """Britain's National Insurance number: not one with a prefix that is never given out."""
    return text[:2].upper() not in _BAD_PREFIXES and "123456" not in digits_of(text)


def is_bsn(text: str) -> bool:
    """The Netherlands' citizen number: with weights 9 to 2 and -1, the sum is divisible by eleven."""
    digits = digits_of(text)
    total = sum(int(char) * weight for char, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=False))
    return len(digits) == 9 and total % 11 == 0 and len(set(digits)) > _FEW and digits != "123456782"  # noqa: PLR2004


def is_public_address(text: str) -> bool:
    """An IPv4 address that is not private, local, for documentation (RFC 5737), multicast or a public resolver."""
    parts = [int(part) for part in text.split(".")]
    if max(parts) > 255 or text in _RESOLVERS:  # noqa: PLR2004
        return False
    return not is_in(IPv4Address(bytes(parts)), (*CLOSED_4, *EXAMPLES_4))


def is_birth_date(text: str) -> bool:
    """A day of the calendar on which somebody alive can be born; the first of January is mostly made up."""
    numbers = [int(part) for part in re.findall(r"\d+", text)]
    year, month, day = numbers if numbers[0] > 31 else numbers[::-1]  # noqa: PLR2004
    try:
        born = date(year, month, day)
    except ValueError:
        return False
    return (born.month, born.day) != (1, 1)
