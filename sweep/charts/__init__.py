"""The charts of a run, drawn by Vega-Altair: one function for each, shared by the page, notebooks and papers."""
