"""Room: windows."""
