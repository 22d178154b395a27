"""Keep GPUs that break workers away from trials, by occupying them for the rest of the session."""

import os
import socket
import time
from collections.abc import Sequence

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.errors import InfrastructureError
from sweep.execution.cards import Card

HOLD_SECONDS = 60  # time for the GPUs of a machine to become free


def own_card() -> Card:
    """Return the GPU of the worker that this process is."""
    node = ray.get_runtime_context().get_node_id()
    return Card(machine=socket.gethostname(), node=node, gpu=os.environ.get("CUDA_VISIBLE_DEVICES", ""))


class Holder:
    """An actor that occupies a GPU and does nothing."""

    def card(self) -> Card:
        return own_card()


class Holders:
    """The actors that occupy GPUs. No trial may run while `hold` is called."""

    def __init__(self) -> None:
        self._kept: dict[Card, object] = {}  # GPU -> its actor

    def hold(self, cards: Sequence[Card]) -> None:
        """Occupy those of `cards` that are not occupied yet. Raise InfrastructureError if one cannot be had."""
        for node in sorted({card.node for card in cards if card not in self._kept}):
            wanted = {card for card in cards if card.node == node and card not in self._kept}
            self._kept |= _occupy(node, wanted)
            if lacking := sorted(wanted - set(self._kept)):
                raise InfrastructureError(
                    f"{lacking[0]} breaks workers and cannot be set aside, because others use it: take it out of the "
                    "cluster"
                )


def gpu_count() -> int:
    """Return how many GPUs the machines of the cluster have."""
    return int(ray.cluster_resources().get("GPU", 0))


def _occupy(node: str, wanted: set[Card]) -> dict[Card, object]:
    """Occupy all GPUs of a machine, keep those that are `wanted`, and give the others back."""
    count = next((int(each["Resources"].get("GPU", 0)) for each in ray.nodes() if each["NodeID"] == node), 0)
    place = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    make = ray.remote(num_cpus=0, num_gpus=1)(Holder).options(scheduling_strategy=place)
    actors = [make.remote() for _ in range(count)]
    calls = {actor.card.remote(): actor for actor in actors}
    kept: dict[Card, object] = {}
    waiting, deadline = list(calls), time.monotonic() + HOLD_SECONDS
    while waiting and set(kept) < wanted and time.monotonic() < deadline:
        done, waiting = ray.wait(waiting, timeout=1.0)
        kept |= {card: calls[one] for one in done if (card := ray.get(one)) in wanted}
    for actor in actors:
        if actor not in kept.values():
            ray.kill(actor)
    return kept
