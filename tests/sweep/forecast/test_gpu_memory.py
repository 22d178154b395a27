"""Packing trials on a simulated GPU: never more than fit, and at most one fewer than the best."""

import random
from dataclasses import dataclass, field

import pytest

from sweep.execution.gpus import MOST_PER_GPU, SLACK
from sweep.execution.resources import trials_per_gpu
from sweep.forecast import gpu_memory
from sweep.forecast.gpu_memory import GPUMeter

MIB = 2**20
BLOCK = 2 * MIB  # torch's allocator takes memory from the GPU in whole blocks


class CardFull(Exception):
    """More was asked of the card than it has."""


@dataclass
class Card:
    """The memory of a GPU: what others have, and the contexts and reserved blocks of our processes."""

    total: int
    others: int
    taken: dict[int, int] = field(default_factory=dict)  # process -> bytes

    @property
    def free(self) -> int:
        return self.total - self.others - sum(self.taken.values())

    def take(self, process: int, amount: int) -> None:
        if amount > self.free:
            raise CardFull
        self.taken[process] = self.taken.get(process, 0) + amount


@dataclass
class Process:
    """A training process: its context grows from `idle` to `context`, and its allocator reserves blocks."""

    card: Card
    number: int
    idle: int
    context: int
    limit: int | None = None
    reserved: int = 0

    def start(self) -> None:
        self.card.take(self.number, self.idle)

    def reserve(self, wanted: int) -> bool:
        """Reserve up to `wanted` bytes in blocks. Return whether the process's own limit allowed it."""
        more = max(0, -(-wanted // BLOCK) * BLOCK - self.reserved)
        if self.limit is not None and self.reserved + more > self.limit:
            return False
        self.card.take(self.number, more)
        self.reserved += more
        return True

    def load_kernels(self) -> None:
        self.card.take(self.number, self.context - self.idle)


def case(rng: random.Random) -> tuple[int, int, int, int, int]:
    """Total memory, what others have, an idle and a grown context, and the peak of a trial."""
    total = rng.choice([8, 16, 24, 40, 80]) * 1024 * MIB
    idle = rng.randint(100, 500) * MIB
    room = total // MIB // rng.choice([1, 2, 3, 8, 40])
    return (
        total,
        rng.choice([0, rng.randint(0, total // 2)]),
        idle,
        idle + rng.randint(0, 300) * MIB,
        rng.randint(1, room) * MIB,
    )


@pytest.mark.parametrize("seed", range(10))
def test_packing_never_overcommits(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """1,000 cases each: a trial is measured alone, then as many run as fit; some want more than was measured."""
    rng, packed = random.Random(seed), 0
    for _ in range(1000):
        total, others, idle, context, peak = case(rng)
        card = Card(total, others)
        alone = Process(card, 0, idle, context)
        monkeypatch.setattr("torch.cuda.mem_get_info", lambda index=0, card=card: (card.free, card.total))
        monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
        monkeypatch.setattr("torch.cuda.memory_reserved", lambda alone=alone: alone.reserved)
        monkeypatch.setattr("torch.cuda.max_memory_reserved", lambda alone=alone: alone.reserved)
        monkeypatch.setattr(gpu_memory, "_free_beside", lambda card=card, idle=idle: card.free - idle)
        try:
            alone.start()
            meter = GPUMeter()
            alone.load_kernels()
            alone.reserve(peak)
        except CardFull:
            continue  # the measurement itself fails, with a message
        memory = meter.read()
        assert (memory.reserved, memory.context, memory.free) == (alone.reserved, context, total - others)
        if memory.needed > memory.free:
            continue  # refused, with a message
        packed += 1
        count = trials_per_gpu(memory.share)
        best = min(int((total - others) / (SLACK * alone.reserved + context)), MOST_PER_GPU)
        assert best - 1 <= count <= best
        card.taken.clear()
        running = [Process(card, number, idle, context, memory.limit) for number in range(count)]
        for process in running:
            process.start()
            process.load_kernels()
        for process in rng.sample(running, count):
            assert process.reserve(int(alone.reserved * rng.uniform(0.5, 1)))  # at most what was measured
            process.reserve(alone.reserved * rng.choice([1, 1, 2, 50]))  # greedy: only its own limit may stop it
            assert card.free >= 0
    assert packed > 500
