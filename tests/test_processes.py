"""Penalties see the batch of all processes, each of which reads its share; and a run that lost one goes on later."""

import io
import itertools
import shutil
import sys
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path

import pytest
import torch
from accelerate import DistributedType, FullyShardedDataParallelPlugin
from accelerate.state import AcceleratorState, PartialState
from test_parallel import SINGLE, Lengths, adversary, die_at, leaves, network, noisy, rows

from tlutils import InformationMaximisation, coral, fit, fit_unlabelled, loop, mmd, parallel, sliced_wasserstein
from tlutils.distill import distill
from tlutils.domains import Domain
from tlutils.parallel_demo import in_processes

MANY, STEPS, KILLED_AT = 4, 16, 10  # the last checkpoint before the kill is that of step 8
PENALTIES = {
    "MMD": lambda: mmd,
    "CORAL": lambda: coral,
    "sliced Wasserstein": lambda: sliced_wasserstein,
    "DANN": lambda: adversary(SINGLE),
    "CDAN": lambda: adversary(SINGLE, classes=3),
    "CDAN+E": lambda: adversary(SINGLE, classes=3, entropy=True),
    "information": lambda: InformationMaximisation(),
    "information and MMD": lambda: InformationMaximisation(mmd),
}


# What is run, in every process.


class Remembers(torch.optim.SGD):
    """An optimizer that keeps the gradients of its last step."""

    def step(self, closure=None):
        self.gradients = [p.grad.clone() for group in self.param_groups for p in group["params"]]
        return super().step(closure)


def value_and_gradient(penalty):
    """Return the first value of a penalty in `fit`, and the gradient of all weights; shares are not equal."""
    net = network(SINGLE)
    modules = [net, penalty] if isinstance(penalty, torch.nn.Module) else [net]
    optimizer = Remembers([p for module in modules for p in module.parameters()], lr=0.1)
    target = rows(40, 1.0, 1, SINGLE).unlabelled()
    history = fit(net, rows(dtype=SINGLE), target, penalty=penalty, optimizer=optimizer, steps=1, batch_size=31, seed=5)
    return history[0]["penalty"], optimizer.gradients


def nothing(a, b):
    return 0 * a.sum()


class WatchedTensor(torch.Tensor):
    """A table that remembers which of its rows were read."""

    def __getitem__(self, index):
        self.read += index.tolist()
        return self.as_subclass(torch.Tensor)[index]


class WatchedTexts(list):
    """A list that does so."""

    def __getitem__(self, index):
        self.read.append(index)
        return super().__getitem__(index)


def watched(domain):
    x = domain.x.as_subclass(WatchedTensor)
    x.read = []
    return Domain(x, domain.y, domain.classes, domain.name)


def rows_read(augment=None):
    """Return which rows of source, target and texts a process reads in training, in order."""
    source, target = watched(rows()), watched(rows(40, 1.0, 1).unlabelled())
    source.x.read, target.x.read = [], []  # a domain looks at its rows when it is made
    fit(network(), source, target, penalty=mmd, steps=3, batch_size=15, augment=augment)
    views = watched(rows())
    views.x.read = []
    fit_unlabelled(network(), views, noisy, steps=2, batch_size=15)
    texts = WatchedTexts("a" * n for n in range(1, 20))
    texts.read = []
    distill(Lengths(), texts, torch.zeros(19, 2), steps=1, batch_size=10)
    return {"source": source.x.read, "target": target.x.read, "views": views.x.read, "texts": texts.read}


def kept(path, **settings):
    """Train to the end, or from the checkpoint on; return history and weights."""
    net, penalty = network(), adversary()
    target = rows(40, 1.0, 1).unlabelled()
    settings = {"augment": noisy, "penalty": penalty, "steps": STEPS, "batch_size": 15, "checkpoint": path} | settings
    history = fit(net, rows(), target, **settings)
    return history, net.state_dict(), penalty.state_dict()


class Stop(Exception):
    """What ends a run without ending its process."""


def stopped(path):
    """Stop a run in all processes, let it go on, and return what comes out, and what an unbroken one gives."""
    steps = itertools.count()

    def augment(x):
        if next(steps) == KILLED_AT:
            raise Stop
        return noisy(x)

    with suppress(Stop):
        kept(path, augment=augment)
    return kept(path), kept(None)


@contextmanager
def shards():
    """Let Accelerate shard the weights (FSDP 2) as it does on GPUs; of its own accord it copies them on CPUs (DDP)."""
    before, PartialState().distributed_type = PartialState().distributed_type, DistributedType.FSDP
    AcceleratorState().fsdp_plugin = FullyShardedDataParallelPlugin(fsdp_version=2)
    try:
        yield
    finally:
        PartialState().distributed_type = before
        AcceleratorState()  # learns it too


def sharded(folder):
    """Return what training with shards of the weights gives, in full, and what is refused."""
    net, target = network(), rows(40, 1.0, 1).unlabelled()
    with shards():
        history = fit(net, rows(), target, penalty=mmd, steps=8, batch_size=15)
        shapes = [tuple(p.to_local().shape) for p in net.parameters()]
        state = {name: getattr(value, "full_tensor", value.clone)() for name, value in net.state_dict().items()}
        refused = []
        for settings in ({}, {"penalty": mmd}, {"penalty": mmd, "checkpoint": None, "after_epoch": print}):
            try:
                kept(folder / "never.pt", **settings)
            except ValueError as error:
                refused.append(str(error))
    return history, state, shapes, refused


def many(folder):
    found = {"stopped": stopped(folder / "run.pt")}
    found |= {name: value_and_gradient(penalty()) for name, penalty in PENALTIES.items()}
    return found | {"read": rows_read(), "read for views": rows_read(noisy)}


def killed(folder):
    kept(folder / "run.pt", augment=die_at(KILLED_AT))


def resumed(folder):
    """Return what a run gives that goes on after a kill, and one that was never killed; and who wrote, and showed."""
    # As on two machines: the second process has no such file, nor the folder.
    mine = folder if parallel.is_first() else folder / "another machine"
    found = {"resumed": kept(mine / "run.pt"), "whole": kept(None)}
    loop.watched_by_a_person = lambda: True
    called, bar = [], io.StringIO()
    with redirect_stderr(bar):
        kept(mine / "new.pt", steps=5, after_epoch=called.append)
    found |= {"called": len(called), "shown": len(bar.getvalue())}
    try:
        kept(folder / "damaged.pt")
    except ValueError as error:
        found["refused"] = str(error)
    found["sharded"] = sharded(folder)
    return found


def main(task, folder):
    torch.set_num_threads(1)
    accelerator = parallel.join()
    torch.save(globals()[task](Path(folder)), Path(folder) / f"{task} {torch.distributed.get_rank()}.pt")
    accelerator.end_training()


def answers(task, folder, count):
    in_processes(count, [__file__, task, str(folder)], limit=120)
    return [torch.load(folder / f"{task} {rank}.pt", weights_only=True) for rank in range(count)]


# The tests


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return answers("many", tmp_path_factory.mktemp("many"), MANY)


@pytest.mark.parametrize("name", PENALTIES)
def test_value_and_gradient_in_four_processes_are_those_of_one(four, name):
    expected = value_and_gradient(PENALTIES[name]())
    without = value_and_gradient(nothing)[1]
    assert max((a - b).abs().max().item() for a, b in zip(expected[1], without, strict=False)) > 1e-3
    for found in four:
        pairs = zip(leaves(expected), leaves(found[name]), strict=True)
        assert max((a - b).abs().max().item() for a, b in pairs) < 1e-5


def test_each_process_reads_its_own_rows_only(four):
    alone = rows_read()
    batches = {"source": (3, 15), "target": (3, 15), "texts": (1, 10)}
    for name, (count, size) in batches.items():
        read = [process["read"][name] for process in four]
        assert sum(map(len, read)) == len(alone[name]) == count * size  # nothing twice, nothing left out
        assert sorted(itertools.chain(*read)) == sorted(alone[name])
    # 30 rows for four: 7, 8, 7 and 8. The first two have the source's, the last two the target's.
    assert [len(process["read"]["source"]) for process in four] == [21, 24, 0, 0]
    assert [len(process["read"]["target"]) for process in four] == [0, 0, 21, 24]


def test_random_views_are_drawn_from_the_whole_batch_in_each(four):
    alone = rows_read(noisy)
    for process in four:
        assert process["read"]["views"] == alone["views"]
        assert all(process["read for views"][name] == alone[name] for name in ("source", "target"))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Kill the second of two processes, let two go on, and return what they found, and the folder."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.raises(RuntimeError, match="a run of 2 processes failed"):
        in_processes(2, [__file__, "killed", str(folder)], limit=60)
    assert [path.name for path in folder.iterdir()] == ["run.pt"]
    (folder / "one").mkdir()
    shutil.copy(folder / "run.pt", folder / "one/run.pt")
    (folder / "damaged.pt").write_bytes(b"half of it")
    return answers("resumed", folder, 2), folder


def test_a_killed_run_goes_on_in_as_many_processes_bit_for_bit(two):
    (first, second), _ = two
    assert len(first["whole"][0]) == STEPS // 4 and first["whole"][0] == first["resumed"][0]
    for other in (first["resumed"], second["whole"], second["resumed"]):
        assert all(torch.equal(a, b) for a, b in zip(leaves(first["whole"]), leaves(other), strict=True))


def test_a_killed_run_goes_on_in_one_process(two):
    (first, _), folder = two
    assert torch.load(folder / "one/run.pt", weights_only=True)["step"] == KILLED_AT - KILLED_AT % 4
    alone = leaves(kept(folder / "one/run.pt"))
    assert max((a - b).abs().max().item() for a, b in zip(alone, leaves(first["whole"]), strict=True)) < 1e-6


def test_a_stopped_run_goes_on_in_four_processes(four):
    # From three processes on, the order of their sums is DDP's, which arranges it anew after a run's first step.
    for found in four:
        again, whole = map(leaves, found["stopped"])
        assert max((a - b).abs().max().item() for a, b in zip(again, whole, strict=True)) < 1e-9


def test_shards_of_the_weights_train_as_whole_copies_do(two):
    (first, second), _ = two
    net = network()
    history = fit(net, rows(), rows(40, 1.0, 1).unlabelled(), penalty=mmd, steps=8, batch_size=15)
    for shard in (first["sharded"], second["sharded"]):
        pairs = zip(leaves((history, net.state_dict())), leaves(shard[:2]), strict=True)
        assert max((a - b).abs().max().item() for a, b in pairs) < 1e-9
        assert shard[2][0] == (8, 4)  # half of the first layer's 16 rows


def test_what_shards_of_the_weights_rule_out_is_told(two):
    refused = two[0][0]["sharded"][3]
    told = ["a penalty with weights of its own and checkpoint", "checkpoint", "after_epoch"]
    for what, text in zip(told, refused, strict=True):
        assert f"does not go together with {what}: leave it out" in text


def test_only_the_first_process_writes_scores_and_shows(two):
    (first, second), folder = two
    names = {"run.pt", "new.pt", "damaged.pt", "one", "resumed 0.pt", "resumed 1.pt"}
    assert {path.name for path in folder.iterdir()} == names
    assert first["called"] == 2 and first["shown"] and not second["called"] and not second["shown"]


def test_a_damaged_checkpoint_is_refused_by_all(two):
    (first, second), _ = two
    assert "damaged.pt is damaged, or no checkpoint" in first["refused"] == second["refused"]


if __name__ == "__main__":
    main(*sys.argv[1:])
