"""The gap between sources: what each switch that closes it is worth on ``studies/falls``."""
