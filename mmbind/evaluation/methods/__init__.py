"""The rivals, one file each; each says which samples it pre-trains on."""

from mmbind.config import MethodName
from mmbind.evaluation.methods.base import Method, Reading
from mmbind.evaluation.methods.lower import Lower
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.evaluation.methods.mmbind import MMBind
from mmbind.evaluation.methods.oracle import Oracle
from mmbind.evaluation.methods.upper import Upper

#: Every method by its name in ``evaluation.methods``.
METHODS: dict[MethodName, Method] = {
    "lower": Lower(),
    "mim": Incomplete(),
    "mmbind": MMBind(),
    "upper": Upper(),
    "oracle": Oracle(),
}

__all__ = ["METHODS", "Method", "Reading"]
