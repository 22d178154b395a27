"""How the shipped data sets of the paraphrase and sentiment tasks were made: seeded programs, no outside text.

Run as `python -m tools.datasets --out model/assets`. Nothing else in the project imports this package.
"""
