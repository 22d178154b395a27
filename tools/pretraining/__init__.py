"""How the embedded base `tiny` was made: public-domain English in, a GPT-2 checkpoint folder out.

Run as `python -m tools.pretraining --work DIR --out FOLDER`. Nothing else in the project imports this package.
"""
