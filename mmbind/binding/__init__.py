"""Room: binding."""
