"""``params.yaml`` as typed, frozen sections. Misspelt keys are refused with the right name."""

from mmbind.config.base import Section
from mmbind.config.binding import Binding, Report, WeightMap
from mmbind.config.clocks import BatchClock, Clock, SampleClock, SpreadClock, TimestampClock
from mmbind.config.derived import (
    DerivedModality,
    GravityFromAcceleration,
    GravityFromEuler,
    GravityFromQuaternion,
    LinearAcceleration,
    Magnitude,
)
from mmbind.config.labelling import Identity, Labels, LabelTable
from mmbind.config.learning import (
    Augment,
    Compute,
    Evaluation,
    MethodName,
    Neighbours,
    Network,
    Schedule,
    Training,
)
from mmbind.config.params import Params, load_params
from mmbind.config.protocol import Draw, Protocol
from mmbind.config.readers import (
    READER_GROUP,
    ArrowReader,
    DelimitedReader,
    Hdf5Reader,
    JsonlReader,
    MatlabReader,
    ParquetReader,
    Reader,
    SqliteReader,
    TableReader,
    ThirdPartyReader,
)
from mmbind.config.roles import TARGET, TEST, LabelledSample, Role, Rotation
from mmbind.config.shared import Shared
from mmbind.config.sources import Archive, ModalitySource, Source
from mmbind.config.windows import Cut, EventCut, SlidingCut, TrialCut, WindowedModality, Windows

__all__ = [
    "READER_GROUP",
    "TARGET",
    "TEST",
    "Archive",
    "ArrowReader",
    "Augment",
    "BatchClock",
    "Binding",
    "Clock",
    "Compute",
    "Cut",
    "DelimitedReader",
    "DerivedModality",
    "Draw",
    "Evaluation",
    "EventCut",
    "GravityFromAcceleration",
    "GravityFromEuler",
    "GravityFromQuaternion",
    "Hdf5Reader",
    "Identity",
    "JsonlReader",
    "LabelTable",
    "LabelledSample",
    "Labels",
    "LinearAcceleration",
    "Magnitude",
    "MatlabReader",
    "MethodName",
    "ModalitySource",
    "Neighbours",
    "Network",
    "Params",
    "ParquetReader",
    "Protocol",
    "Reader",
    "Report",
    "Role",
    "Rotation",
    "SampleClock",
    "Schedule",
    "Section",
    "Shared",
    "SlidingCut",
    "Source",
    "SpreadClock",
    "SqliteReader",
    "TableReader",
    "ThirdPartyReader",
    "TimestampClock",
    "Training",
    "TrialCut",
    "WeightMap",
    "WindowedModality",
    "Windows",
    "load_params",
]
