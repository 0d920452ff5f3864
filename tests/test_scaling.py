"""The cost model: against a ring that is played through message by message, and at its limits."""

from pathlib import Path

import pytest
import torch

from tlutils import Classifier, DigitNet, freeze, scaling
from tlutils.scaling import ETHERNET, Network, allreduce_seconds, gradient_bytes, speedup, step_seconds


def played(chunks, bandwidth, latency):
    """Return the sums at every process, and the seconds, of a ring all-reduce of one number per chunk."""
    p = len(chunks)
    held, clock = [list(row) for row in chunks], 0.0
    for turn in range(2 * (p - 1)):  # first half: add up; second half: hand on
        sent = [(rank, (rank - turn) % p if turn < p - 1 else (rank + 1 - (turn - p + 1)) % p) for rank in range(p)]
        values = [held[rank][chunk] for rank, chunk in sent]
        for (rank, chunk), value in zip(sent, values, strict=True):
            to = (rank + 1) % p
            held[to][chunk] = held[to][chunk] + value if turn < p - 1 else value
        clock += latency + 1 / bandwidth  # all send at once, a chunk of one byte each
    return held, clock


@pytest.mark.parametrize("p", [1, 2, 3, 8])
def test_the_formula_is_the_time_of_a_ring(p):
    chunks = torch.randint(100, (p, p), generator=torch.Generator().manual_seed(p)).tolist()
    held, seconds = played(chunks, bandwidth=7.0, latency=0.3)
    assert held == [[sum(column) for column in zip(*chunks, strict=True)]] * p
    assert allreduce_seconds(p, p, Network("test", 7.0, 0.3)) == pytest.approx(seconds)


def test_one_process_sends_nothing_and_many_approach_two_sizes():
    wire = Network("test", 1e9, 0.0)
    assert allreduce_seconds(1e9, 1, wire) == 0
    assert allreduce_seconds(1e9, 10_000, wire) == pytest.approx(2, rel=1e-3)


def test_speedup_is_perfect_without_gradients_and_falls_when_messages_rule():
    nothing = Network("no cost", 1e30, 0.0)
    assert speedup(512, 100.0, 1e8, 8, nothing) == pytest.approx(8)
    assert scaling.efficiency(512, 100.0, 1e8, 8, nothing) == pytest.approx(1)
    assert step_seconds(512, 100.0, 0, 1, ETHERNET) == 5.12
    slow = Network("slow", 1e9, 1e-2)
    assert speedup(64, 1000.0, 1e6, 64, slow) < speedup(64, 1000.0, 1e6, 2, slow) < 2


def test_only_trainable_weights_are_sent():
    model = Classifier(DigitNet(), 10)
    assert gradient_bytes(model) == 4 * sum(p.numel() for p in model.parameters())
    freeze(model.encoder)
    assert gradient_bytes(model) == 4 * (64 * 10 + 10)
    assert gradient_bytes(model.double()) == 8 * 650


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: Network("wire", 0, 0), "wire: bandwidth must be positive"),
        (lambda: Network("wire", 1, -1), "latency not negative"),
        (lambda: allreduce_seconds(-1, 2, ETHERNET), "at least 0 bytes"),
        (lambda: allreduce_seconds(1, 0, ETHERNET), "at least 1 process"),
        (lambda: scaling.step_seconds(0, 1.0, 1, 1, ETHERNET), "at least 1 example"),
        (lambda: scaling.step_seconds(1, 0.0, 1, 1, ETHERNET), "positive rate"),
    ],
)
def test_figures_that_make_no_sense_are_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_the_readmes_example_is_what_the_model_gives():
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    text = readme.split("## Many GPUs, many nodes")[1]
    for p in (1, 8, 64):
        cells = [f"{p}"]
        for network in (ETHERNET, scaling.INFINIBAND):
            faster = speedup(512, 2000, 4 * 22.7e6, p, network)
            cells.append(f"{1000 * step_seconds(512, 2000, 4 * 22.7e6, p, network):.0f} ms")
            cells[-1] += f", {faster:.1f} times" if p > 1 else ""
        row = next(line for line in text.splitlines() if line.startswith(f"| {p} |"))
        assert [cell.strip().removesuffix(" as fast") for cell in row.strip("|").split("|")] == cells
