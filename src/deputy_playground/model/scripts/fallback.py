"""What the scripted model does with a task that no other script knows: say so."""

from deputy_playground.model.scripts.conversation import Conversation, Move, Script, done


def _move(conversation: Conversation) -> Move:
    asked = conversation.task.partition("\n")[0][:200]
    return done(
        f"I can't do this. I am the playground's scripted model and know only the tour's tasks; I was asked: {asked} "
        "Set OPENAI_API_KEY and DEPUTY_MODEL to work with a real model.",
        solved=False,
    )


FALLBACK = Script("fallback", lambda _: True, _move)
