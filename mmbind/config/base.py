"""What every section of ``params.yaml`` shares."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

Value = TypeVar("Value")


class Section(BaseModel):
    """A section of ``params.yaml``: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, arbitrary_types_allowed=False)


def _once(values: list[Value]) -> list[Value]:
    twice = sorted({str(one) for one in values if values.count(one) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands twice; a run counts once")
    return values


#: A list in which nothing stands twice.
Once = Annotated[list[Value], AfterValidator(_once)]
