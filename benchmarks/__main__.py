"""`python -m benchmarks`: run every benchmark and print its table."""

from benchmarks import training_step

if __name__ == "__main__":
    training_step.main()
