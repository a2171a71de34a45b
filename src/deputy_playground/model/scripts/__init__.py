"""What the scripted model does: programs that look at a conversation and say the next move, always the same."""

from deputy_playground.model.scripts.conversation import Conversation, Move, Script, Step, ToolUse
from deputy_playground.model.scripts.fallback import FALLBACK
from deputy_playground.model.scripts.refunds import REFUNDS

__all__ = ["SCRIPTS", "Conversation", "Move", "Script", "Step", "ToolUse"]

# The first script that takes a conversation plays it; the last one takes all.
SCRIPTS: tuple[Script, ...] = (REFUNDS, FALLBACK)
