"""A physical simulator of wrist loggers: people, their motions, their devices, their logs.

An activity moves the joints of a person's arm; the wrist's orientation and position follow,
and from them alone specific force, angular velocity and magnetic field. Devices blur those,
loggers write them in formats of their own. Labels and every modality are known, so the
demo fleets are a study with known truth.
"""

from mmbind.simulation.fleets import DemoSummary, write_demo_fleets

__all__ = ["DemoSummary", "write_demo_fleets"]
