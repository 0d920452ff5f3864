"""Two processes give what one gives: the same losses, the same weights, in both of them; and a death is an error."""

import itertools
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from conftest import Rows

from tlutils import Classifier, Domain, DomainAdversary, KeepBest, coral, fit, fit_unlabelled, freeze, mmd, parallel
from tlutils.distill import distill
from tlutils.parallel_demo import STEPS, in_processes, training

DOUBLE, SINGLE = torch.float64, torch.float32


# What is trained, in every process; each returns figures and weights. Batches are odd: the shares are not equal.


def rows(n=61, shift=0.0, seed=0, dtype=DOUBLE):
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    x = 4 * torch.eye(3, 4)[y] + torch.randn(n, 4, generator=generator) + shift
    return Domain(x.to(dtype), y, ("a", "b", "c"), "rows")


def network(dtype=DOUBLE):
    torch.manual_seed(0)
    return Classifier(Rows(), 3).to(dtype)


def trained(net=None, target=None, penalty=None, **settings):
    net = network() if net is None else net
    if penalty:
        target = rows(40, shift=1.0, seed=1).unlabelled()
    settings = {"steps": 8, "batch_size": 15, "penalty": penalty} | settings
    modules = [net, penalty] if isinstance(penalty, torch.nn.Module) else [net]
    history = fit(net, rows(), target, **settings)
    return history, [{name: value.clone() for name, value in module.state_dict().items()} for module in modules]


def adversary(dtype=DOUBLE, **settings):
    torch.manual_seed(1 if parallel.is_first() else 2)  # the first process's weights are the ones that count
    return DomainAdversary(Rows.dim, hidden=16, **settings).to(dtype)


class Gap(torch.nn.Module):
    """A penalty that is a module and has nothing to train."""

    def forward(self, a, b):
        return (a.mean(0) - b.mean(0)).square().sum()


def noisy(x):
    return x + torch.randn_like(x)


def twice():
    net = network()
    return trained(net, penalty=mmd), trained(net)


def frozen():
    net = network()
    freeze(net.encoder)
    return trained(net)


def beside_dropout():
    """Return a process's batches and warnings: masks take another number of random figures for another share."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(), torch.nn.Linear(8, 3)).to(DOUBLE)
    drawn = []

    def augment(x):
        drawn.append(x.clone())
        return x

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, return_features=False):
            return x, self.net(x)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fit(Net(), rows(), steps=9, batch_size=15, augment=augment)
    return drawn, [str(warning.message) for warning in told if "dropout" in str(warning.message)]


def of_views():
    net = network()
    return fit_unlabelled(net, rows(), noisy, steps=6, batch_size=15), net.state_dict()


class Lengths(torch.nn.Module):
    """A student of texts: their lengths in, two numbers out."""

    dim = 2

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 2)

    def forward(self, texts):
        return self.linear(torch.tensor([[float(len(text))] for text in texts]))


def of_texts():
    torch.manual_seed(0)
    student, texts = Lengths(), ["a" * n for n in range(1, 20)]
    return distill(student, texts, torch.randn(19, 2), steps=6, batch_size=5, lr=1e-3), student.state_dict()


def kept_best():
    net, keep = network(), KeepBest(lambda net: net.head.bias[0].item())
    trained(net, after_epoch=keep)
    return keep.restore(net), net.state_dict()


def gradient(penalty):
    """One step of plain descent in single precision: the weights change by the gradient."""
    net = network(SINGLE)
    modules = [net, penalty] if isinstance(penalty, torch.nn.Module) else [net]
    optimizer = torch.optim.SGD([p for module in modules for p in module.parameters()], lr=1.0)
    source, target = rows(dtype=SINGLE), rows(40, 1.0, 1, SINGLE).unlabelled()
    history = fit(net, source, target, penalty=penalty, optimizer=optimizer, steps=1, batch_size=31)
    return history, [module.state_dict() for module in modules]


CASES = {
    "plain": trained,
    "MMD": lambda: trained(penalty=mmd),
    "CORAL": lambda: trained(penalty=coral),
    "DANN": lambda: trained(penalty=adversary()),
    "CDAN+E": lambda: trained(penalty=adversary(classes=3, entropy=True)),
    "a penalty without weights": lambda: trained(penalty=Gap()),
    "target labels": lambda: trained(target=rows(7, shift=1.0, seed=1)),
    "random views": lambda: trained(augment=noisy),
    "twice": twice,
    "a frozen encoder": frozen,
    "without labels": of_views,
    "distillation": of_texts,
    "the best epoch": kept_best,
    "the gradient of MMD": lambda: gradient(mmd),
    "the gradient of CORAL": lambda: gradient(coral),
    "the gradient of DANN": lambda: gradient(adversary(SINGLE)),
}


def work(folder):
    """Run every case in the processes that a launcher started, and what differs between them by design."""
    torch.set_num_threads(1)
    accelerator = parallel.join()
    found = {name: run() for name, run in CASES.items()}
    called = []
    trained(after_epoch=called.append)
    found["called"] = len(called)
    found["beside dropout"] = beside_dropout()
    try:
        trained(batch_size=1)
    except ValueError as error:
        found["refused"] = str(error)
    torch.save(found, Path(folder) / f"{torch.distributed.get_rank()}.pt")
    accelerator.end_training()


def die_at(step):
    """Return views as `noisy` draws them, in drawing which the second process is killed at a step."""
    steps = itertools.count()

    def augment(x):
        if next(steps) == step and not parallel.is_first():
            os.kill(os.getpid(), signal.SIGKILL)
        return noisy(x)

    return augment


STAY = """
import os, time
while True:
    with open(f"{os.path.dirname(__file__)}/{os.environ['RANK']}.sign", "a") as sign:
        sign.write("alive ")
    time.sleep(0.1)
"""

# The tests


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return what the two processes found, the first's first."""
    folder = tmp_path_factory.mktemp("both")
    in_processes(2, [__file__, str(folder)], limit=120)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def leaves(found):
    if isinstance(found, dict):
        found = found.values()
    if isinstance(found, int | float | torch.Tensor):
        return [torch.as_tensor(found).double()]
    return [leaf for part in found for leaf in leaves(part)]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one_does(both, name):
    alone, first, second = (leaves(found) for found in (CASES[name](), both[0][name], both[1][name]))
    assert len(alone) == len(first) > 2
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    # Adam makes a difference of its own of gradients that are zero but for rounding, such as a bias before BatchNorm.
    assert max((a - b).abs().max().item() for a, b in zip(alone, first, strict=True)) < 1e-5


def test_dropout_does_not_lead_to_other_batches(both):
    (first, told), (second, silent) = (found["beside dropout"] for found in both)
    assert len(told) == 1 and "each of 2 processes draws dropout for its own rows" in told[0] and not silent
    assert len(first) == 9 and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_only_the_first_process_is_called_after_an_epoch(both):
    assert both[0]["called"] == 2 and both[1]["called"] == 0


def test_a_batch_with_fewer_rows_than_processes_is_refused_by_all(both):
    assert "a batch of 1 rows cannot be shared out among 2 processes" in both[0]["refused"] == both[1]["refused"]


def test_a_run_that_hangs_is_ended_with_all_its_processes(tmp_path):
    (tmp_path / "stay.py").write_text(STAY)
    for limit in (6, 60):  # the second where the first is too short for the launcher to start anything
        with pytest.raises(RuntimeError, match=f"2 processes did not end within {limit} seconds"):
            in_processes(2, [str(tmp_path / "stay.py")], limit=limit)
        signs = sorted(tmp_path.glob("*.sign"))
        if len(signs) == 2:
            break
    before = [sign.stat().st_size for sign in signs]
    time.sleep(0.5)
    assert len(before) == 2 and before == [sign.stat().st_size for sign in signs]


def test_one_process_is_left_alone(new_model):
    net = new_model()
    with parallel.global_batchnorm([net]):
        assert "forward" not in net.encoder.norm.__dict__
    assert parallel.processes() == 1 and parallel.is_first() and parallel.from_first("x") == "x"
    assert [sorted(epoch) for epoch in training(SINGLE, 8)] == STEPS // 3 * [["penalty", "source"]]


if __name__ == "__main__":
    work(sys.argv[1])
