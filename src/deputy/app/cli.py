"""The command line: ``deputy …``. Errors are one sentence; what lists or looks has ``--json``.

A command's module, and all that it imports, is loaded when the command is run: help, the version, a typing error and
the completion of names need none of them.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points, version
from types import MappingProxyType
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from deputy.domain.errors import DeputyError

PLUGINS = "deputy.commands"


@dataclass(frozen=True)
class LazyCommand:
    """A command or a group of commands: what help says of it, and where it is, as ``module:name``."""

    help: str
    target: str

    def load(self) -> Any:
        """The command itself."""
        module, _, name = self.target.partition(":")
        found: typer.Typer | Callable[..., None] = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False)
        alone.command()(found)
        return typer.main.get_command(alone)


COMMANDS: Mapping[str, LazyCommand] = MappingProxyType(
    {
        "init": LazyCommand("Write a starter policy bundle to change to your needs.", "deputy.app.service.init:init"),
        "doctor": LazyCommand(
            "Check everything that Deputy needs, and say what to do about what is missing.",
            "deputy.app.service.doctor:doctor",
        ),
        "serve": LazyCommand("Listen to Slack and do the work, in one process.", "deputy.app.service.run:serve"),
        "bot": LazyCommand(
            "Only listen to Slack; workers elsewhere do the work (needs Postgres).", "deputy.app.service.run:bot"
        ),
        "worker": LazyCommand("Only do the work (needs Postgres).", "deputy.app.service.run:worker"),
        "policy": LazyCommand("Check and try out policies.", "deputy.app.policy.commands:app"),
        "task": LazyCommand("Look at tasks, and stop them.", "deputy.app.tasks.commands:app"),
        "audit": LazyCommand(
            "Read the audit trail and prove that it is what was written.", "deputy.app.tasks.audit:app"
        ),
        "repo": LazyCommand("The repositories that work may be asked for.", "deputy.app.repos.commands:app"),
        "insights": LazyCommand(
            "Cycle time, review time, outcomes and cost of the tasks so far.", "deputy.app.tasks.insights:insights"
        ),
    }
)


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and help, and loads the one that is run.

    The context's ``obj``, where there is one, is called before that.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words; a command that does not exist is said before Typer loads what converts options."""
        if args and not args[0].startswith("-") and args[0] not in self.commands and not ctx.resilient_parsing:
            super().resolve_command(ctx, args)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the words name, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is None or name not in COMMANDS:
            return name, command, rest
        if ctx.obj is not None:
            ctx.obj()
        return name, COMMANDS[name].load(), rest

    def load_all(self) -> "LazyGroup":
        """The group with every command loaded, for those who look at all of them."""
        self.commands.update({name: command.load() for name, command in COMMANDS.items()})
        return self


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"deputy {version('deputy')}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Small coding requests from Slack threads, done by a governed agent."""


def build() -> typer.Typer:
    """The command line with everything that installed packages add to it."""
    app = typer.Typer(name="deputy", cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_options)
    for name, command in COMMANDS.items():
        app.command(name, help=command.help)(_not_loaded)
    for plugin in entry_points(group=PLUGINS):
        plugin.load()(app)
    return app


def _not_loaded() -> None:
    """Stand for a command that is loaded when it is run."""
    raise AssertionError("a command was run that was not loaded")


def loaded() -> LazyGroup:
    """The whole command line with every command loaded."""
    return cast("LazyGroup", typer.main.get_command(build())).load_all()


def _log_to_standard_error() -> None:
    """Standard output belongs to answers. It is done when a command is loaded: structlog takes a while to load, too."""
    from deputy.app.logs import configure_logging

    configure_logging("warning")


def main() -> None:
    """Run a command. An error that we know is one sentence on standard error and exit status 1."""
    try:
        typer.main.get_command(build())(obj=_log_to_standard_error)
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
        import structlog

        structlog.get_logger(__name__).exception("cli.broke")
        sys.stderr.write(
            f"deputy: Deputy itself failed ({type(error).__name__}): this is a bug; the log has the details.\n"
        )
        sys.exit(70)


if __name__ == "__main__":
    main()
