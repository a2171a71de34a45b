"""What every value of ours is made of."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value; unknown fields are refused, so that a typo in stored data fails loudly."""

    model_config = ConfigDict(frozen=True, extra="forbid")
