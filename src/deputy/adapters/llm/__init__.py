"""Language models behind OpenAI's two APIs, from any server that speaks one of them."""

from deputy.domain.errors import BadInput
from deputy.ports import Model

__all__ = ["make_model"]


def make_model(api: str, name: str, base_url: str, api_key: str, *, stream: bool = False, retries: int = 4) -> Model:
    """A model: ``api`` is ``responses`` or ``chat``; an empty ``base_url`` means the vendor's own.

    ``retries`` bounds how often a busy or failing server is asked again, after pauses that double or that it names.
    Connects only when asked for a reply. Raises ``BadInput`` for another ``api``, no name, or a key that can't be one.
    """
    if not name:
        raise BadInput("no model is named", "", "set DEPUTY_MODEL")
    # Here, because importing the vendor's library takes as long as everything else together.
    if api == "responses":
        from deputy.adapters.llm.responses import ResponsesModel

        return ResponsesModel(name, base_url=base_url, api_key=api_key, stream=stream, retries=retries)
    if api == "chat":
        from deputy.adapters.llm.chat import ChatModel

        return ChatModel(name, base_url=base_url, api_key=api_key, stream=stream, retries=retries)
    raise BadInput(f'there is no model API "{api[:40]}"', "", "set DEPUTY_MODEL_API to responses or chat")
