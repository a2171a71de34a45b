import pytest

from billing.payments import Payment
from billing.refunds import split_refund


def test_a_single_payment_gets_everything_back():
    assert split_refund([Payment("card", 1999)], 1999) == {"card": 1999}


def test_halves_get_halves():
    halves = [Payment("gift", 1000), Payment("card", 1000)]
    assert split_refund(halves, 500) == {"gift": 250, "card": 250}


def test_more_than_was_paid_is_refused():
    with pytest.raises(ValueError, match="cannot refund"):
        split_refund([Payment("card", 100)], 101)
