"""Pretrains the shipped base `tiny` on public-domain English and writes it as a GPT-2 checkpoint folder.

Run `python -m tools.pretraining --work DIR --out FOLDER`. Nothing else in the project imports this package.
"""
