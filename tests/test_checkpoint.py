"""A training run that is killed goes on as if it had not been; a broken checkpoint, or another run's, is refused."""

import hashlib
import multiprocessing
import os
import random
import signal
import time

import pytest
import torch
from torch import nn

import tlutils as tl
from tlutils.batches import Batches
from tlutils.train import ramp

KILLS = 20
EPOCHS = 6


def domain(name="source", shift=0.0, rows=96):
    draw = torch.Generator().manual_seed(rows)
    x = torch.rand(rows, 1, 16, 16, generator=draw) * 0.5 + shift
    return tl.Domain(x, torch.arange(rows) % 3, ("a", "b", "c"), name)


def train(path=None, *, model=None, after_epoch=None, **changed):
    """Run what the course runs: BatchNorm, an adversary with weights of its own, a ramp, noise, a chosen stop."""
    tl.session.seed_everything(0)
    model = model or tl.Classifier(tl.DigitNet(), ("a", "b", "c"))
    settings = dict(epochs=EPOCHS, batch_size=32, lr=5e-3, weight=ramp(0.5), seed=3) | changed
    history = tl.fit(
        model,
        domain(),
        domain("target", 0.2).unlabelled(),
        penalty=tl.DomainAdversary(model.encoder.dim),
        augment=lambda x: x + 0.01 * torch.randn_like(x),
        after_epoch=after_epoch,
        checkpoint=path,
        **settings,
    )
    return model, history


def digest(model, history) -> str:
    whole = hashlib.sha256(repr(history).encode())
    for name, value in sorted(model.state_dict().items()):
        whole.update(name.encode() + value.contiguous().numpy().tobytes())
    return whole.hexdigest()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole():
    """Return what a run that nobody stops ends with, and its seconds."""
    train()
    began = time.perf_counter()
    return digest(*train()), time.perf_counter() - began


def in_a_process(path, answer):
    torch.set_num_threads(1)
    answer.write_text(digest(*train(path)))


def started(path, answer):
    process = multiprocessing.get_context("fork").Process(target=in_a_process, args=(path, answer))
    process.start()
    return process


# ---------------------------------------------------------------- kills


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_twenty_kills(tmp_path, whole, fault):
    expected, seconds = whole
    chance, interrupted, alike = random.Random(9), 0, 0
    for kill in range(KILLS):
        path, answer = tmp_path / f"{kill}/run.pt", tmp_path / f"{kill}.txt"
        first = started(path, answer)
        time.sleep(chance.uniform(0.05, 1) * seconds)
        os.kill(first.pid, signal.SIGKILL)
        first.join()
        interrupted += first.exitcode == -signal.SIGKILL
        second = started(path, answer)
        second.join(60)
        alike += answer.exists() and answer.read_text() == expected
    fault("training: kill -9 at a random moment", alike)
    assert alike == KILLS and interrupted >= KILLS // 2


@pytest.mark.parametrize("stop", [1, 5, EPOCHS])
def test_a_run_goes_on_where_it_stopped(stop, tmp_path, whole):
    path = tmp_path / "run.pt"

    class Stop(Exception):
        pass

    seen = []

    def interrupt(model):
        seen.append(1)
        if len(seen) == stop + 1:
            raise Stop

    if stop < EPOCHS:
        with pytest.raises(Stop):
            train(path, after_epoch=interrupt)
    else:
        train(path, after_epoch=interrupt)
    seen.clear()
    assert digest(*train(path, after_epoch=lambda model: seen.append(1))) == whole[0]
    assert len(seen) == EPOCHS - stop  # no epoch twice


def test_no_checkpoint_changes_nothing(tmp_path, whole):
    assert digest(*train(tmp_path / "run.pt")) == whole[0]
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_random_numbers_of_the_caller_are_given_back(tmp_path):
    model = tl.Classifier(tl.DigitNet(), ("a", "b", "c"))
    for _ in ("trains", "finds the finished run"):
        before = torch.get_rng_state()
        tl.fit(model, domain(), epochs=1, checkpoint=tmp_path / "run.pt")
        assert torch.equal(torch.get_rng_state(), before)


def test_a_chosen_stop_is_kept_with_the_run(tmp_path):
    scores = iter([0.1, 0.9, 0.2])
    best = tl.KeepBest(lambda model: next(scores))
    model, _ = train(tmp_path / "run.pt", after_epoch=best, epochs=3)
    best.restore(model)
    again = tl.KeepBest(lambda model: pytest.fail("a finished run scores nothing anew"))
    second, _ = train(tmp_path / "run.pt", after_epoch=again, epochs=3)
    assert again.scores == [0.1, 0.9, 0.2] and again.restore(second) == 1
    assert digest(model, []) == digest(second, [])


# ---------------------------------------------------------------- files that do not fit


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"seed": 4}, "settings"),
        ({"lr": 1e-3}, "settings"),
        ({"epochs": 2}, "settings"),
        ({"model": tl.Classifier(tl.DigitNet(), ("a", "b", "c", "d"))}, "model"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(changed, what, tmp_path):
    path = tmp_path / "run.pt"
    train(path, epochs=1)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"other {what}: name another file"):
        train(path, **({"epochs": 1} | changed))
    assert path.read_bytes() == before


def test_other_data_are_another_run(tmp_path):
    model = tl.Classifier(tl.DigitNet(), ("a", "b", "c"))
    tl.fit(model, domain(), epochs=1, checkpoint=tmp_path / "run.pt")
    with pytest.raises(ValueError, match="other data"):
        tl.fit(model, domain(shift=0.1), epochs=1, checkpoint=tmp_path / "run.pt")


class Code:
    def __reduce__(self):
        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize("content", ["cut", "noise", "empty", "code", "other"])
def test_a_damaged_or_foreign_file_is_refused(content, tmp_path):
    path = tmp_path / "run.pt"
    train(path, epochs=1)
    whole = path.read_bytes()
    if content == "code":
        torch.save({"version": 1, "step": Code()}, path)
    elif content == "other":
        torch.save({"version": 9}, path)
    else:
        path.write_bytes({"cut": whole[: len(whole) // 2], "noise": os.urandom(1000), "empty": b""}[content])
    with pytest.raises(ValueError, match="delete it to start anew"):
        train(path, epochs=1)


def test_what_cannot_be_written_is_told_and_the_last_state_stays(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    train(path, epochs=1)
    before = path.read_bytes()

    def full(state, file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    path.unlink()
    with pytest.raises(OSError, match="run.pt could not be written at step 3 .*No space left.*none before it"):
        train(path, epochs=2)
    path.write_bytes(before)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    train(path, epochs=1)


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="could not be written"):
        train(tmp_path / "file/run.pt", epochs=1)


# ---------------------------------------------------------------- what broke


def test_batches_go_through_all_rows_and_find_their_place_again():
    torch.manual_seed(0)
    stream = Batches(domain(rows=10), 3)
    first = [next(stream) and stream.index for _ in range(3)]
    assert len(torch.cat(first).unique()) == 9
    next(stream)
    state = stream.state_dict()
    expected = [next(stream)[1].tolist() for _ in range(2)]
    other = Batches(domain(rows=10), 3)
    other.load_state_dict(state)
    assert [next(other)[1].tolist() for _ in range(2)] == expected


def test_a_term_that_breaks_names_step_rows_and_term():
    broken = domain(rows=40)
    broken.x[7] = torch.nan
    model = tl.Classifier(tl.DigitNet(), ("a", "b", "c"))
    with pytest.raises(FloatingPointError, match=r"at step 0: the source term is nan.*rows .*\b7\b.* of source"):
        tl.fit(model, broken, batch_size=40, steps=2)


class Root(nn.Module):
    """A loss that is fine and whose gradient is not: the root of zero."""

    def forward(self, a, b):
        return ((a - a.detach()) ** 2).sum().sqrt()


def test_a_gradient_that_breaks_names_the_weights():
    model = tl.Classifier(tl.DigitNet(), ("a", "b", "c"))
    target = domain("target").unlabelled()
    with pytest.raises(
        FloatingPointError, match=r"step 0: the gradient of encoder.* is not finite.*penalty 0.*of target"
    ):
        tl.fit(model, domain(), target, penalty=Root(), steps=2)
