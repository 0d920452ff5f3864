"""What more processes can gain: seconds of a training on paper, from figures that one process can measure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from tlutils.inputs import checked, is_number


@dataclass(frozen=True)
class Network:
    """What lies between processes: `bandwidth` in bytes a second each way, `latency` in seconds a message.

    Raises ValueError for a bandwidth that is not positive or a latency below 0.
    """

    name: str
    bandwidth: float
    latency: float

    def __post_init__(self) -> None:
        if not (is_number(self.bandwidth) and is_number(self.latency)):
            raise TypeError(f"bandwidth and latency must be numbers, got {self.bandwidth!r} and {self.latency!r}")
        if not self.bandwidth > 0 or not self.latency >= 0:
            raise ValueError(
                f"{self.name}: bandwidth must be positive and latency not negative, in bytes and seconds; "
                f"got {self.bandwidth} and {self.latency}"
            )


@checked
def gradient_bytes(model: nn.Module) -> int:
    """Return how many bytes of gradient a model's trainable weights have: what every step must exchange."""
    return sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)


@checked
def allreduce_seconds(size: float, processes: int, network: Network) -> float:
    """Return the seconds in which p processes add up `size` bytes each, in a ring.

    Every process sends 2 (p − 1) messages of size/p bytes to its neighbour: 2 (p − 1) · latency +
    2 (p − 1)/p · size/bandwidth. Raises ValueError for a negative size, no process, or more
    seconds than a float holds. Source: Patarasuk & Yuan (2009),
    section 4, doi:10.1016/j.jpdc.2008.09.002. Taught in notebook 19.
    """
    if size < 0 or processes < 1:
        raise ValueError(f"need a size of at least 0 bytes and at least 1 process, got {size} and {processes}")
    messages = 2 * (processes - 1)
    return _finite(messages * network.latency + messages / processes * size / network.bandwidth)


@checked
def step_seconds(batch: int, rate: float, size: float, processes: int, network: Network) -> float:
    """Return the seconds of a training step: p processes compute batch/p examples each, then add up their gradients.

    `rate` is how many examples a second one process trains on alone, `size` the bytes of its gradients. Computing and
    sending are taken one after the other; where they overlap, as in DDP, a step takes less, and at least the longer
    of both.

    Raises ValueError for a batch or rate that is not positive, and as `allreduce_seconds` does. Taught in notebook 19.
    """
    if batch < 1 or not rate > 0:
        raise ValueError(f"need a batch of at least 1 example and a positive rate, got {batch} and {rate}")
    exchange = allreduce_seconds(size, processes, network)
    return _finite(batch / processes / rate + exchange)


def _finite(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise ValueError(f"that would take {seconds} seconds: check size, rate, bandwidth and latency")
    return float(seconds)


@checked
def speedup(batch: int, rate: float, size: float, processes: int, network: Network) -> float:
    """Return how many times faster than one process p processes take a step of the same global batch.

    Raises ValueError as `step_seconds` does, and for a step that takes no time.
    """
    alone, together = (step_seconds(batch, rate, size, p, network) for p in (1, processes))
    if not together > 0:
        raise ValueError(f"a step of {batch} examples at {rate} a second takes no time: there is nothing to speed up")
    return alone / together


@checked
def efficiency(batch: int, rate: float, size: float, processes: int, network: Network) -> float:
    """Return the speedup of p processes as a share of the perfect one, p times as fast.

    Raises ValueError as `speedup` does.
    """
    return speedup(batch, rate, size, processes, network) / processes


ETHERNET = Network("10 Gbit Ethernet", bandwidth=1.25e9, latency=5e-5)
INFINIBAND = Network("200 Gbit InfiniBand", bandwidth=2.5e10, latency=5e-6)
