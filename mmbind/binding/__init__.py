"""Room: binding. Windows of unlike sources find partners through the modality they share."""

from mmbind.binding.bind import BindSummary, bind

__all__ = ["BindSummary", "bind"]
