"""The doors of the rooms, and the scheduled pipeline around them."""
