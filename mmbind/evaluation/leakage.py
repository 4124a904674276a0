"""The last look before anything is trained: the stores that evaluation reads lie apart.

``assign`` refuses shared people, recordings and content when it writes the stores; this
guards against stores of different assignments that lie side by side.
"""

from __future__ import annotations

from mmbind.config import TARGET, TEST
from mmbind.errors import LeakageError
from mmbind.evaluation.inputs import Inputs


def refuse_leakage(inputs: Inputs) -> None:
    """Makes sure that training sees nobody and no recording of the test.

    Args:
        inputs: the stores of all roles.

    Raises:
        LeakageError: naming what the test shares, and with which role.
    """
    tested = inputs.test.index
    for role, store in {**inputs.unlabelled, TARGET: inputs.target}.items():
        for column in ("subject", "recording", "window"):
            keys = ["source", column]
            shared = store.index.join(tested.select(keys).unique(), on=keys, how="semi")
            if shared.height:
                source, value = shared.sort("window").select(keys).row(0)
                raise LeakageError(
                    f"The roles {TEST!r} and {role!r} share the {column} {value!r} of the source {source!r}.",
                    hint="Give every subject to one role only and run the stage 'assign' again.",
                )
