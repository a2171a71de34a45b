"""The throw-away Postgres that other suites rely on."""

import psycopg
import pytest

from tests.support.postgres import _binary, postgres_server, postgres_url  # noqa: F401

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("attempt", [1, 2])
def test_each_test_gets_an_empty_database(postgres_url: str, attempt: int) -> None:  # noqa: F811
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        connection.execute(f"CREATE TABLE left_behind_{attempt} (x int)")
    assert tables == (0,)


def test_a_missing_server_fails_with_the_way_out() -> None:
    with pytest.raises(pytest.fail.Exception, match="apt-get install postgresql"):
        _binary("no-such-program")
