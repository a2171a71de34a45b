"""The one Casbin model that Deputy's engine answers by."""

from deputy.policy.files.problems import Doubt, Problem, decode, doubtful

FILE = "model.conf"
MODEL = """\
[request_definition]
r = sub, repo, act, path, facts

[policy_definition]
p = id, sub, repo, act, path, eft, need, when

[role_definition]
g = _, _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = g(r.sub, p.sub, r.repo) && repoMatch(r.repo, p.repo) && r.act == p.act && pathMatch(r.path, p.path, p.eft) && whenMatch(r.facts, p.when, p.eft)
"""  # noqa: E501 - Casbin reads a matcher from one line

# What the first version shipped: the same without conditions. Bundles that are kept by digest still have it.
_FORMER = (
    MODEL.replace(", facts\n", "\n").replace(", when\n", "\n").replace(" && whenMatch(r.facts, p.when, p.eft)", "")
)


def check_model(content: bytes) -> tuple[Problem, ...]:
    """Problems when ``model.conf`` isn't this model: our index of paths would no longer mean what Casbin means."""
    text, problems = decode(FILE, content)
    if problems:
        return problems
    if _meaning(text) == _meaning(_FORMER):
        fix = "replace it by the model.conf that comes with this version"
        return (doubtful(Doubt.OLD_MODEL, FILE, 0, "this is the model of a version without conditions", fix),)
    expected = _meaning(MODEL)
    for (number, written), wanted in zip(_numbered(text), [*expected, None], strict=False):
        if written != wanted:
            fix = f"write: {wanted}" if wanted else "remove the line"
            return (
                Problem(FILE, number, f"{written!r} is not the model that Deputy's answers are checked against", fix),
            )
    if len(_numbered(text)) < len(expected):
        missing = expected[len(_numbered(text))]
        return (Problem(FILE, 0, "the model ends too early", f"add: {missing}"),)
    return ()


def _meaning(text: str) -> list[str]:
    return [line for _, line in _numbered(text)]


def _numbered(text: str) -> list[tuple[int, str]]:
    lines = ((number, " ".join(line.split())) for number, line in enumerate(text.split("\n"), start=1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]
