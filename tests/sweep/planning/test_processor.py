"""The vector instructions of the CPU, detected without torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sweep.planning import processor

FLAGS = "flags\t\t: fpu sse2 {}\n"


@pytest.mark.parametrize("chosen", [None, "avx2", "default", "AVX512"])
def test_capability_equals_torchs(chosen: str | None) -> None:
    environment = {**os.environ, **({processor.OVERRIDE: chosen} if chosen else {})}
    code = (
        "import sys; from sweep.planning.processor import cpu_capability; found = cpu_capability(); "
        "assert 'torch' not in sys.modules; import torch; print(found, torch.backends.cpu.get_cpu_capability())"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    ours, theirs = done.stdout.split()
    assert ours == theirs


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fma avx avx2", "AVX2"),
        ("avx avx2", "DEFAULT"),
        ("fma avx2 avx512f avx512bw avx512dq avx512vl", "AVX512"),
        ("fma avx2 avx512f avx512vl", "AVX2"),
        ("", "DEFAULT"),
    ],
)
def test_flags_decide(flags: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(processor.OVERRIDE, raising=False)
    (tmp_path / "cpuinfo").write_text("processor : 0\n" + FLAGS.format(flags))
    monkeypatch.setattr(processor, "CPU_INFO", tmp_path / "cpuinfo")
    processor.cpu_capability.cache_clear()
    try:
        assert processor._from_flags() == expected
    finally:
        processor.cpu_capability.cache_clear()


def test_torch_is_the_fallback_without_cpu_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(processor.OVERRIDE, raising=False)
    monkeypatch.setattr(processor, "CPU_INFO", tmp_path / "absent")
    processor.cpu_capability.cache_clear()
    try:
        assert processor.cpu_capability() == torch.backends.cpu.get_cpu_capability()
    finally:
        processor.cpu_capability.cache_clear()


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\n", "580.159.04"),
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n", "535.104.05"),
        ("something else\n", None),
    ],
)
def test_the_platform_of_a_gpu_is_cuda_and_driver(
    text: str, driver: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "version").write_text(text)
    monkeypatch.setattr(processor, "DRIVER", tmp_path / "version")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert processor.gpu_platform() == {"cuda": "13.0", **({"driver": driver} if driver else {})}
