"""Run the benchmarks that take minutes. `benchmarks.asha` and `benchmarks.tpe` take longer and run by themselves."""

from benchmarks import decoding, overhead, precision, smart_step, soap_step, training_step

if __name__ == "__main__":
    for benchmark in (training_step, precision, smart_step, decoding, soap_step, overhead):
        benchmark.main()
        print()
