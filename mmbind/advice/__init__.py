"""Room: advice. Shared modalities and encoders ranked before anything is bound, without labels."""

from mmbind.advice.advise import Advice, advise

__all__ = ["Advice", "advise"]
