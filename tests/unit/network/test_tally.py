"""What went through a gateway: bounded, and no number of invented names hides where data went."""

from deputy.adapters.network.tally import MAX_BELOW, MAX_REFUSED, Tally
from deputy.ports import NetworkUse

WHY = "it is not in this repository's network list"
LISTED = ("upload.example.net", "*.example.org")


def invented(tally: Tally, many: int) -> None:
    for number in range(many):
        tally.refused(f"h{number}.example", 443, WHY)


def test_a_listed_host_keeps_its_row_however_many_names_were_refused() -> None:
    tally = Tally(LISTED)
    invented(tally, MAX_REFUSED + 20)
    for host in ("upload.example.net", "a.example.org"):
        tally.connected(host, 443)
        tally.moved(host, 443, sent=1000, received=10)
    uses = tally.uses()
    assert NetworkUse("upload.example.net", 443, connections=1, sent=1000, received=10) in uses
    assert NetworkUse("a.example.org", 443, connections=1, sent=1000, received=10) in uses
    assert NetworkUse("(other hosts)", 0, connections=20, refused=WHY) in uses
    assert len(uses) == MAX_REFUSED + 3
    assert tally.total == {"sent": 2000, "received": 20}


def test_refusals_of_a_listed_host_are_listed_next_to_its_traffic() -> None:
    tally = Tally(LISTED)
    invented(tally, MAX_REFUSED)
    tally.moved("upload.example.net", 443, sent=1000)
    tally.refused("upload.example.net", 443, "too much")
    assert NetworkUse("upload.example.net", 443, sent=1000) in tally.uses()
    assert NetworkUse("(other hosts)", 0, connections=1, refused="too much") in tally.uses()


def test_names_below_a_listed_one_are_added_up_under_it_and_under_no_other() -> None:
    tally = Tally(("*.flood.example", *LISTED))
    for number in range(MAX_BELOW + 20):
        tally.connected(f"h{number}.flood.example", 443)
        tally.moved(f"h{number}.flood.example", 443, sent=5)
    tally.connected("one.flood.example", 80)
    tally.connected("a.example.org", 443)
    tally.connected("upload.example.net", 443)
    uses = {(use.host, use.port): use for use in tally.uses()}
    assert uses["*.flood.example", 443] == NetworkUse("*.flood.example", 443, connections=20, sent=100)
    assert uses["*.flood.example", 80].connections == 1
    assert uses["a.example.org", 443].connections == 1
    assert uses["upload.example.net", 443].connections == 1
    assert len(uses) == MAX_BELOW + 4
    assert not any(host.startswith("(") for host, _ in uses)


def test_a_host_that_is_listed_by_name_too_is_not_added_up() -> None:
    tally = Tally(("*.example.org", "upload.example.org"))
    for number in range(MAX_BELOW):
        tally.connected(f"h{number}.example.org", 443)
    tally.connected("upload.example.org", 443)
    assert NetworkUse("upload.example.org", 443, connections=1) in tally.uses()
