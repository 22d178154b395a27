"""Precisions that a device does not have, or that the environment overrides, are refused; auto takes what it has."""

from pathlib import Path

import pytest
import torch

from model import precision as module
from model.errors import SettingError
from model.precision import AMD, OVERRIDE, bf16_instructions, check_precision, cpu_vendor, resolve

Patch = pytest.MonkeyPatch


@pytest.mark.parametrize(("precision", "refused"), [(None, "1"), ("tf32", "0")])
def test_the_environment_may_not_override_the_precision(
    monkeypatch: pytest.MonkeyPatch, precision: str | None, refused: str
) -> None:
    monkeypatch.delenv(OVERRIDE, raising=False)
    check_precision(precision, "cuda")
    monkeypatch.setenv(OVERRIDE, "0" if refused == "1" else "1")
    check_precision(precision, "cuda")
    monkeypatch.setenv(OVERRIDE, refused)
    with pytest.raises(SettingError, match=f"precision: NVIDIA_TF32_OVERRIDE={refused} .* unset NVIDIA_TF32_OVERRIDE"):
        check_precision(precision, "cuda")
    check_precision(None, "cpu")


def test_a_cpu_has_no_tf32() -> None:
    with pytest.raises(SettingError, match="precision: tf32 exists on NVIDIA GPUs only; leave it out on a cpu"):
        check_precision("tf32", "cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_device_has_bf16(device: str) -> None:
    """Others than those that `auto` chooses emulate it."""
    check_precision("bf16", device)


@pytest.mark.parametrize(
    ("flags", "instructions"),
    [
        ("fma avx2 avx512f avx512vl", None),
        ("avx512f avx512_bf16 fma", "avx512_bf16"),
        ("avx512_bf16 amx_tile amx_bf16", "amx_bf16"),
        (None, None),
    ],
)
def test_auto_on_a_cpu(
    flags: str | None, instructions: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CPU_INFO", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert bf16_instructions("cpu") == instructions
    assert resolve("auto", "cpu") == ("bf16" if instructions else None)


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fma\n", AMD),
        ("processor\t: 0\nvendor_id\t: GenuineIntel\n", "GenuineIntel"),
        ("processor\t: 0\nCPU implementer\t: 0x41\n", None),
        (None, None),
    ],
)
def test_the_maker_of_a_cpu(text: str | None, vendor: str | None, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(module, "CPU_INFO", tmp_path / "cpuinfo")
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert cpu_vendor.__wrapped__() == vendor


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [([(8, 0)], "bf16"), ([(9, 0), (8, 6)], "bf16"), ([(7, 5)], None), ([(9, 0), (7, 0)], None), ([], None)],
    ids=str,
)
def test_auto_on_gpus(capabilities: list[tuple[int, int]], chosen: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capabilities[index])
    assert resolve("auto", "cuda") == chosen


@pytest.mark.parametrize("name", [None, "bf16", "tf32"])
def test_a_named_precision_is_kept(name: str | None) -> None:
    assert resolve(name, "cpu") == name
