"""The command line: ``deputy …``. Errors are one sentence; what lists or looks has ``--json``."""

import sys
from importlib.metadata import entry_points

import structlog
import typer

from deputy.app.logs import configure_logging
from deputy.app.policy import commands as policy_commands
from deputy.app.repos import build as build_commands
from deputy.app.repos import commands as repo_commands
from deputy.app.service import commands as service_commands
from deputy.app.tasks import audit as audit_commands
from deputy.app.tasks import commands as task_commands
from deputy.app.tasks import insights as look_commands
from deputy.domain.errors import DeputyError

PLUGINS = "deputy.commands"


def build() -> typer.Typer:
    """The command line with everything that installed packages add to it."""
    app = typer.Typer(
        name="deputy",
        help="Small coding requests from Slack threads, done by a governed agent.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    service_commands.register(app)
    app.add_typer(policy_commands.app, name="policy")
    app.add_typer(task_commands.app, name="task")
    app.add_typer(audit_commands.app, name="audit")
    build_commands.register(repo_commands.app)
    app.add_typer(repo_commands.app, name="repo")
    look_commands.register(app)
    for plugin in entry_points(group=PLUGINS):
        plugin.load()(app)
    return app


def main() -> None:
    """Run a command. An error that we know is one sentence on standard error and exit status 1."""
    configure_logging("warning")  # standard output belongs to answers
    try:
        build()()
    except DeputyError as error:
        sys.stderr.write(f"deputy: {error}\n")
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"deputy: {where}{error.strerror or error}. Check the path and who may write there.\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the command line's boundary: a person gets a sentence, the log the rest
        structlog.get_logger(__name__).exception("cli.broke")
        sys.stderr.write(
            f"deputy: Deputy itself failed ({type(error).__name__}): this is a bug; the log has the details.\n"
        )
        sys.exit(70)


if __name__ == "__main__":
    main()
