"""Generates the shipped data sets of the paraphrase and sentiment tasks from a seed, without external text.

Run `python -m tools.datasets --out model/assets`. Nothing else in the project imports this package.
"""
