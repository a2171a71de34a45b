"""Triggers that keep the audit trail append-only, and the check that they still stand.

They stop mistakes and casual edits. Whoever may drop a trigger can go around them; then the chain tells.
"""

from sqlalchemy import Connection, text

_REFUSAL = "the audit trail is append-only"

# Two facts of SQLite: REPLACE deletes a colliding row without running DELETE triggers (so only the next number may be
# inserted), and "number is next" must hold for NULL too (hence IS NOT).
_SQLITE = {
    "deputy_event_no_update": "BEFORE UPDATE ON deputy_event",
    "deputy_event_no_delete": "BEFORE DELETE ON deputy_event",
    "deputy_event_in_order": (
        "BEFORE INSERT ON deputy_event WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM deputy_event)"
    ),
    "deputy_event_personal_no_update": "BEFORE UPDATE ON deputy_event_personal",
}

_FUNCTIONS = {
    "deputy_refuse": f"BEGIN RAISE EXCEPTION '{_REFUSAL}'; END",
    "deputy_refuse_disorder": (
        "BEGIN IF NEW.seq IS DISTINCT FROM (SELECT COALESCE(MAX(seq), 0) + 1 FROM deputy_event) "  # noqa: S608 (constant)
        f"THEN RAISE EXCEPTION '{_REFUSAL}'; END IF; RETURN NEW; END"
    ),
}
_POSTGRES = {
    "deputy_event_no_change": "BEFORE UPDATE OR DELETE ON deputy_event FOR EACH ROW EXECUTE FUNCTION deputy_refuse()",
    "deputy_event_no_truncate": "BEFORE TRUNCATE ON deputy_event FOR EACH STATEMENT EXECUTE FUNCTION deputy_refuse()",
    "deputy_event_in_order": ("BEFORE INSERT ON deputy_event FOR EACH ROW EXECUTE FUNCTION deputy_refuse_disorder()"),
    "deputy_event_personal_no_update": (
        "BEFORE UPDATE ON deputy_event_personal FOR EACH ROW EXECUTE FUNCTION deputy_refuse()"
    ),
}


def _sqlite_trigger(name: str) -> str:
    return f"CREATE TRIGGER {name} {_SQLITE[name]} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"


def install(connection: Connection) -> None:
    """Create the triggers; called by the migration that makes the tables."""
    if connection.dialect.name == "sqlite":
        for name in _SQLITE:
            connection.execute(text(_sqlite_trigger(name)))
        return
    for name, body in _FUNCTIONS.items():
        head = f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
        connection.exec_driver_sql(f"{head} AS $guard${body}$guard$")
    for name, rest in _POSTGRES.items():
        connection.execute(text(f"CREATE TRIGGER {name} {rest}"))
        # ALWAYS: also in a session that plays replica to switch triggers off.
        connection.execute(text(f"ALTER TABLE {rest.split(' ON ')[1].split()[0]} ENABLE ALWAYS TRIGGER {name}"))


def missing(connection: Connection) -> tuple[str, ...]:
    """The guards that are gone, switched off, or no longer say what we wrote."""
    return _missing_sqlite(connection) if connection.dialect.name == "sqlite" else _missing_postgres(connection)


def _missing_sqlite(connection: Connection) -> tuple[str, ...]:
    triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    found = {row.name: row.sql for row in triggers}
    return tuple(name for name in _SQLITE if found.get(name) != _sqlite_trigger(name))


def _missing_postgres(connection: Connection) -> tuple[str, ...]:
    # The pretty form names schemas only where something else stands in front of our tables.
    triggers = connection.execute(
        text(
            "SELECT tgname, pg_get_triggerdef(t.oid, true) AS definition, prosrc FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE tgenabled = 'A' "
            "AND tgrelid IN (to_regclass('deputy_event'), to_regclass('deputy_event_personal'))"
        )
    )
    found = {row.tgname: (_in_our_order(row.definition), row.prosrc) for row in triggers}
    return tuple(name for name in _POSTGRES if found.get(name) != _postgres_trigger(name))


def _postgres_trigger(name: str) -> tuple[str, str]:
    """The trigger's definition, and its function's body."""
    rest = _POSTGRES[name]
    function = rest.rpartition(" ")[2].removesuffix("()")
    return f"CREATE TRIGGER {name} {rest}", _FUNCTIONS[function]


def _in_our_order(definition: str) -> str:
    """Postgres writes a trigger's events in an order of its own."""
    return definition.replace("DELETE OR UPDATE", "UPDATE OR DELETE")
