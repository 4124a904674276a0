"""The rivals, one file each; each says what it does before fine-tuning."""

from mmbind.config import MethodName
from mmbind.evaluation.methods.base import Method, Reading
from mmbind.evaluation.methods.cmg import CrossModalGeneration
from mmbind.evaluation.methods.dcm import DualContrastive
from mmbind.evaluation.methods.imagebind import ImageBind
from mmbind.evaluation.methods.lower import Lower
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.evaluation.methods.mmbind import MMBind
from mmbind.evaluation.methods.mmbind_paper import MMBindPaper, MMBindPaperWeighted
from mmbind.evaluation.methods.mpm import PresenceMask
from mmbind.evaluation.methods.oracle import Oracle
from mmbind.evaluation.methods.self_training import SelfTraining
from mmbind.evaluation.methods.unimodal import Unimodal
from mmbind.evaluation.methods.upper import Upper

_ALL: tuple[Method, ...] = (
    Lower(),
    Unimodal(),
    Incomplete(),
    PresenceMask(),
    CrossModalGeneration(),
    DualContrastive(),
    ImageBind(),
    SelfTraining(),
    MMBindPaper(),
    MMBindPaperWeighted(),
    MMBind(),
    Upper(),
    Oracle(),
)
#: Every method by its name in ``evaluation.methods``.
METHODS: dict[MethodName, Method] = {method.name: method for method in _ALL}

__all__ = ["METHODS", "Method", "Reading"]
