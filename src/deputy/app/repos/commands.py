"""``deputy repo …``: which repositories there are, and adding one with what its own files say that it needs."""

from typing import Annotated

import typer

from deputy.adapters.policies import read_folder
from deputy.adapters.repos import GitRepos
from deputy.app.output import AsJson, say, say_json, say_table
from deputy.app.repos import build as build_command
from deputy.app.repos.next_steps import next_lines, opening_rules
from deputy.app.repos.review import corrected, is_wanted
from deputy.app.repos.section import REPOS, Addition, section_of
from deputy.app.repos.source import alias_of, found_at, source_of
from deputy.app.settings import load_settings
from deputy.domain.policy.config import RepoConfig
from deputy.environments import Proposal, Topic, survey
from deputy.policy import Bundle, load

app = typer.Typer(help="The repositories that work may be asked for.", no_args_is_help=True)
_TITLES = {Topic.NOTE: "left to you", Topic.KEEP: "kept", Topic.ENV: "variables"}
# Decisions, each with its reason; the rest follows from them and is told in a line.
_EXPLAINED = (Topic.SETUP, Topic.CHECKS, Topic.GIT, Topic.HIDDEN, Topic.NOTE)


@app.command("list")
def list_repos(as_json: AsJson = False) -> None:
    """The repositories of the policy bundle, with their checks."""
    repos = load(read_folder(load_settings().deputy_policies)).repos
    if as_json:
        say_json([repo.model_dump(mode="json") for repo in repos])
        return
    say_table([{"repository": r.name, "checks": ", ".join(c.name for c in r.checks), "url": r.url} for r in repos])
    if not repos:
        say("No repositories yet: `deputy repo add URL` adds one.")


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="What git can clone, for example https://git.example.org/acme/shop.git")],
    name: Annotated[str, typer.Option(help="Its full name, owner/name; read from the URL if left out.")] = "",
    alias: Annotated[list[str] | None, typer.Option(help="What people may call it, too; may be given often.")] = None,
    branch: Annotated[str, typer.Option(help="The branch to work from, if not the repository's own default.")] = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take what was found.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask and write nothing: only show.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find out what a repository needs, have it corrected, and write it into repos.toml.

    With --json nothing is asked, and nothing is written without --yes.
    """
    settings = load_settings()
    bundle = load(read_folder(settings.deputy_policies))
    source = source_of(bundle, url, name, branch, settings.home)
    aliases = tuple(alias or alias_of(bundle, source.name))
    tip = found_at(GitRepos(settings.home / "git"), source, settings.locate(source.url))
    proposal = survey(tip.paths, tip.read)
    if not as_json:
        say(f"{source.name} at {tip.commit[:12]}: {len(tip.paths):,} files looked at.\n")
        _show(proposal)
    is_asking = not (yes or dry_run or as_json)
    if is_asking:
        proposal = corrected(proposal)
    repo = _config(source.name, source.url, source.branch, aliases, proposal)
    addition = Addition.to(settings.deputy_policies, section_of(repo, tip.commit))
    after = addition.checked()
    writes = yes and not dry_run
    if not as_json:
        say(f"\n{addition.section.rstrip()}\n")
        for doubt in addition.doubts(after):
            say(doubt)
        writes = writes or (is_asking and is_wanted(f"Write this to {settings.deputy_policies / REPOS}?"))
    if writes:
        addition.write()
    _finish(repo, proposal, addition, after, commit=tip.commit, is_written=writes, as_json=as_json)


def _config(name: str, url: str, branch: str, aliases: tuple[str, ...], proposal: Proposal) -> RepoConfig:
    environment = proposal.environment
    return RepoConfig(
        name=name,
        url=url,
        branch=branch,
        aliases=aliases,
        hidden=proposal.hidden,
        checks=proposal.checks,
        environment=environment,
        # Without anything to install there is no environment to carry the variables.
        env={} if environment else proposal.env,
        git=proposal.git,
    )


def _show(proposal: Proposal) -> None:
    for topic in Topic:
        about = proposal.about(topic)
        title = _TITLES.get(topic, topic.value)
        if about and topic not in _EXPLAINED:
            say(f"{title:<10} {', '.join(finding.text for finding in about)}")
        elif about:
            say(title)
            for finding in about:
                name = f"{finding.check.name}: " if finding.check else ""
                say(f"  {name}{finding.text}")
                say(f"      {finding.why}")


def _finish(
    repo: RepoConfig,
    proposal: Proposal,
    addition: Addition,
    after: Bundle,
    *,
    commit: str,
    is_written: bool,
    as_json: bool,
) -> None:
    rules = opening_rules(after, repo.name)
    if as_json:
        say_json(
            {
                "repository": repo.model_dump(mode="json"),
                "commit": commit,
                "findings": [finding.model_dump(mode="json") for finding in proposal.findings],
                "section": addition.section,
                "warnings": list(addition.doubts(after)),
                "written": is_written,
                "rules": list(rules),
            }
        )
        return
    if not is_written:
        say("Nothing was written.")
        return
    say(f"Wrote {addition.path}; the policy is sound with it.\n")
    for line in next_lines(repo, rules, addition.path.with_name("policy.csv"), after):
        say(line)


build_command.register(app)
