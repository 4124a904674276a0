"""Room: versions. Every binding is a version with an id; versions are named, compared and walked back to raw lines."""

from mmbind.versions.diff import VersionDiff, diff_versions
from mmbind.versions.lineage import Lineage, trace_pair
from mmbind.versions.references import References, accept, tag
from mmbind.versions.version import Version, current_version

__all__ = [
    "Lineage",
    "References",
    "Version",
    "VersionDiff",
    "accept",
    "current_version",
    "diff_versions",
    "tag",
    "trace_pair",
]
