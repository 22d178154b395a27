"""Gives made-up GPUs to every Python process that finds this folder on its path, and breaks some of them.

MADE_UP_GPUS lists the GPUs of a machine by name: "A,A,B". CUDA_VISIBLE_DEVICES hides some of them, as usual.
MADE_UP_FAULT names a function of faults.py and its arguments: "sticky 1 20".
"""

import importlib.abc
import importlib.machinery
import os
import sys


def install():
    """Pretend, until this process ends, that torch finds these GPUs."""
    from tests.pretended_gpu import pretended_gpu
    from tests.sweep.execution.made_up_gpus import faults

    names = os.environ["MADE_UP_GPUS"].split(",")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(len(names)))))
    shown = [int(index) for index in visible.split(",") if index]
    tag = os.environ["MADE_UP_TAG"]
    install.kept = pretended_gpu([names[one] for one in shown], [f"GPU-{tag}-{one}" for one in shown])
    install.kept.__enter__()
    name, *arguments = os.environ.get("MADE_UP_FAULT", "none").split()
    getattr(faults, name)(*arguments)


class AfterTorch(importlib.abc.MetaPathFinder):
    """Calls `install` as soon as torch has been imported."""

    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            install()

        spec.loader.exec_module = exec_module
        return spec


if "MADE_UP_GPUS" in os.environ:
    sys.meta_path.insert(0, AfterTorch())
