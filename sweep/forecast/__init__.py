"""Forecast the cost of a run before it starts, from earlier runs or from one measured epoch."""
