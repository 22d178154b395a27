"""Measure what a process takes of a GPU's memory: the allocator's blocks, and the CUDA context besides.

CUDA tells how much of a GPU is free, not who has the rest. So a second process, which does nothing, tells what a
context takes; what else is taken at that moment belongs to others. The context grows while kernels are loaded.
"""

import subprocess
import sys

from sweep.execution.gpus import GPUMemory

IDLE = "import torch; print(torch.cuda.mem_get_info()[0])"


class GPUMeter:
    """Measures this process, from the start on. Nothing must be on the GPU yet, and no other process may begin to use
    it meanwhile."""

    def __init__(self) -> None:
        import torch

        free, self.total = torch.cuda.mem_get_info()
        self.context = max(0, free - _free_beside())  # of a process that does nothing
        self.others = self.total - free - self.context  # bytes that other programs have
        further = (torch.cuda.mem_get_info(index)[0] for index in range(1, torch.cuda.device_count()))
        self.free = min([free, *further]) + self.context  # while this process is gone

    def read(self) -> GPUMemory:
        """Return what this process has needed, and what is free for trials on the fullest GPU."""
        import torch

        free, _ = torch.cuda.mem_get_info()
        grown = self.total - free - torch.cuda.memory_reserved() - self.others
        return GPUMemory(
            reserved=torch.cuda.max_memory_reserved(), context=max(self.context, grown), free=max(0, self.free)
        )


def _free_beside() -> int:
    """Return the free bytes of the GPU while another idle process has a context on it."""
    done = subprocess.run([sys.executable, "-P", "-c", IDLE], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])
