"""Room: encoders. The shared modality's windows become vectors that can be compared."""

from mmbind.encoders.embed import EmbedSummary, embed
from mmbind.encoders.fit import FitSharedSummary, fit_shared_encoder

__all__ = ["EmbedSummary", "FitSharedSummary", "embed", "fit_shared_encoder"]
