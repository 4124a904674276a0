"""Sources: raw logs of any logger in, records in SI units and a quarantine out.

Configuration says where the files lie and what their columns mean; no code names a data
set. What cannot be trusted is set aside with its place and the reason, never dropped.
"""

from mmbind.sources.archives import FetchSummary, fetch_archives
from mmbind.sources.ingest import ingest
from mmbind.sources.ingest_summary import IngestSummary

__all__ = ["FetchSummary", "IngestSummary", "fetch_archives", "ingest"]
