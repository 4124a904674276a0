"""Rules by the section that ``binding.select`` is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmbind.binding.select.base import Rule
from mmbind.binding.select.capped import CappedRule
from mmbind.binding.select.csls import CslsRule
from mmbind.binding.select.mutual import MutualRule
from mmbind.binding.select.nearest import NearestRule
from mmbind.binding.select.ratio import RatioRule
from mmbind.binding.select.softmax import SoftmaxRule
from mmbind.binding.select.transport import TransportRule
from mmbind.config.binding import Capped, Csls, Mutual, Nearest, Ratio, Select, Softmax, Transport

#: The class of every rule, by that of its settings.
RULES: dict[type, Callable[[Any], Rule]] = {
    Capped: CappedRule,
    Csls: CslsRule,
    Mutual: MutualRule,
    Nearest: NearestRule,
    Ratio: RatioRule,
    Softmax: SoftmaxRule,
    Transport: TransportRule,
}


def build_rule(settings: Select) -> Rule:
    """The rule that settings describe."""
    return RULES[type(settings)](settings)
