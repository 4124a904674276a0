"""Room: roles."""
