"""Whether this container can still do its part: its database answers within five seconds. Exit status 0 or 1."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import psycopg

SECONDS = 5


def main() -> None:
    """Ask the database that the environment names."""
    url = os.environ.get("DEPUTY_DATABASE_URL", "")
    if url.startswith("postgresql"):
        with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=SECONDS) as connection:
            connection.execute("select 1")
        return
    path = url.removeprefix("sqlite:///") or Path(os.environ["DEPUTY_HOME"], "deputy.sqlite")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=SECONDS)) as database:
        database.execute("select 1 from sqlite_master")


if __name__ == "__main__":
    try:
        main()
    except (psycopg.Error, sqlite3.Error) as error:
        sys.exit(f"the database does not answer: {error}")
