"""`python -m benchmarks`: run every benchmark and print its table."""

from benchmarks import decoding, smart_step, soap_step, training_step

if __name__ == "__main__":
    for benchmark in (training_step, smart_step, decoding, soap_step):
        benchmark.main()
        print()
