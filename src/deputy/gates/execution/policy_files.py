"""Files by which a repository governs its helpers and reviewers: a governed patch does not edit its own rules."""

from collections.abc import Iterator

from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles

_OWN = ("**/.deputy", "**/.deputy/**")
_OWNERS = ("**/codeowners", "**/owners")
_INSTRUCTIONS = (
    "**/agents*.md", "**/agent.md", "**/.agents/**", "**/claude*.md", "**/.claude/**", "**/.claude.json",
    "**/gemini*.md", "**/.gemini/**", "**/.geminiignore", "**/warp.md", "**/.warp/**", "**/qwen.md", "**/.qwen/**",
    "**/.codex/**", "**/.cursor/**", "**/.cursorrules", "**/.cursorignore", "**/.cursorindexingignore",
    "**/.clinerules*", "**/.clinerules/**", "**/.clineignore", "**/.roo/**", "**/.roorules*", "**/.roomodes",
    "**/.rooignore", "**/.kilocode/**", "**/.kilocodemodes", "**/.windsurf*", "**/.windsurf/**", "**/.codeium/**",
    "**/.codeiumignore", "**/copilot-instructions.md", "**/.github/instructions/**", "**/.github/prompts/**",
    "**/.github/chatmodes/**", "**/.github/agents/**", "**/*.instructions.md", "**/*.prompt.md", "**/.aider*",
    "**/.aider*/**", "**/.continue/**", "**/.continuerules", "**/.continueignore", "**/.kiro/**", "**/.amazonq/**",
    "**/.augment/**", "**/.augment-guidelines", "**/.junie/**", "**/.trae/**", "**/.goosehints", "**/.goose/**",
    "**/.opencode/**", "**/opencode.json*", "**/.crush/**", "**/crush.md", "**/.crush.json", "**/crush.json",
    "**/.factory/**", "**/.openhands/**", "**/.ruler/**", "**/.rules", "**/replit.md", "**/.mcp.json", "**/mcp.json",
    # Those who review what others wrote.
    "**/.coderabbit.y*ml", "**/greptile.json", "**/.pr_agent.toml", "**/.sourcery.y*ml", "**/.bito.y*ml",
)  # fmt: skip


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Refuse edits under ``.deputy``; ask about who owns code and what agents are told."""
    for file in case.files:
        if resembles(_OWN, file.path):
            message, fix = (
                "The patch edits the rules that it is judged by",
                "change them by hand, in a commit of your own",
            )
            yield found("policy-files/own", Severity.DENY, message, file.path, fix=fix)
        elif resembles(_OWNERS, file.path):
            message, fix = "The patch changes who owns which code", "change it by hand"
            yield found("policy-files/owners", Severity.REVIEW, message, file.path, fix=fix)
        elif resembles(_INSTRUCTIONS, file.path):
            message, fix = "The patch changes what agents are told", "leave it out unless the request asks for it"
            yield found("policy-files/instructions", Severity.REVIEW, message, file.path, fix=fix)
