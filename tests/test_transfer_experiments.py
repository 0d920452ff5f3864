"""The experiments of notebook 16: complete, seeded, and blind to the target's labels where they say so."""

from dataclasses import replace

import pytest
import torch

from tlutils import Domain, methods, predict
from tlutils import transfer_experiments as package
from tlutils.datasets import shifts

KEYS = [*methods.METHODS, package.ALONE]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(methods, "STEPS", 12)


def rows(n=120, d=6, seed=0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    x = torch.randn(n, d, generator=generator) + shift
    x[:, :3] += 3 * torch.eye(3)[y]
    return Domain(x, y, ("a", "b", "c"), "rows")


@pytest.mark.parametrize("name", methods.METHODS)
def test_no_method_reads_the_targets_labels(name):
    source, target = rows(), rows(90, seed=1, shift=0.5)
    wrong = replace(target, y=(target.y + 1) % 3)
    method = methods.METHODS[name]
    honest, canary = (predict(method(source, domain, 0), target.x) for domain in (target.unlabelled(), wrong))
    assert honest.equal(canary)


@pytest.mark.parametrize("name", sorted(set(methods.METHODS) - {"source only"}))
def test_every_method_but_source_only_looks_at_the_targets_inputs(name):
    source = rows()
    near, far = rows(90, seed=1), rows(90, seed=1, shift=1.5)
    far = far.subset(far.y < 2)  # other inputs, and another mix of classes
    a, b = (methods.METHODS[name](source, target.unlabelled(), 0).head.weight for target in (near, far))
    assert not a.equal(b)
    a, b = (methods.source_only(source, target, 0).head.weight for target in (near, far))
    assert a.equal(b)


def test_the_seed_decides():
    source, target = rows(), rows(90, seed=1).unlabelled()
    for method in methods.METHODS.values():
        a, b, c = (method(source, target, seed).head.weight for seed in (0, 0, 1))
        assert a.equal(b) and not a.equal(c)


def test_the_surest_of_every_guessed_class_are_taken_and_no_class_dies_out():
    logits = torch.tensor([[9.0, 0.0], [1.0, 0.0], [5.0, 0.0], [3.0, 0.0], [0.0, 0.1]])
    assert methods.surest(logits, 0.5).tolist() == [0, -1, 0, -1, 1]
    assert methods.surest(logits, 1.0).tolist() == [0, 0, 0, 0, 1]


def test_rows_are_drawn_as_often_as_their_weights_say():
    domain = rows(90)
    drawn = methods.drawn(domain, torch.tensor([0.0, 1.0, 3.0])[domain.y], seed=0)
    counts = drawn.y.bincount(minlength=3)
    assert len(drawn) == 4 * 90 and counts[0] == 0 and counts[2] / counts[1] == pytest.approx(3, rel=0.35)


def test_the_grid_has_every_method_under_every_shift():
    grid = package.shift_grid(0, n=60)
    assert list(grid) == ["covariate", "label", "concept", "subspace"]
    assert all(list(row) == KEYS and all(0 <= share <= 1 for share in row.values()) for row in grid.values())


def test_rows_for_scores_are_not_among_those_for_training():
    source, target, unseen = package.drawn_world(shifts.label, 50, 0)
    assert (len(source), len(target), len(unseen)) == (50, 50, 4000)
    assert not (target.x[:, None] == unseen.x).all(-1).any()


def test_a_pair_reports_scores_forecasts_and_what_the_guard_wins_and_loses():
    source, target, unseen = package.prepared(rows(300), rows(400, seed=1, shift=0.5), 0)
    found = package.on_pair(source, target, unseen, 0)
    assert list(found) == ["accuracy", "forecast", "won", "lost", "labels in training"]
    assert list(found["accuracy"]) == KEYS
    assert set(found["forecast"]) == {"blind", "few labels", "closeness", "overlap", "transferability", "agreement"}
    assert list(found["won"]) == list(found["lost"]) == ["always", "10", "30", "100"]
    gains = [found["accuracy"][name] - found["accuracy"][package.ALONE] for name in methods.METHODS]
    assert found["won"]["always"] - found["lost"]["always"] == pytest.approx(sum(gains) / len(gains))
    for kind in ("won", "lost"):
        assert all(0 <= found[kind][size] <= found[kind]["always"] + 1e-9 for size in ("10", "30", "100"))


def test_few_labels_and_those_of_the_guard_are_different_rows():
    domain = rows()
    domain = replace(domain, x=domain.x + 100 * torch.arange(120)[:, None])
    few, rest = package.few_and_rest(domain, 0)
    assert few.y.bincount().tolist() == [5, 5, 5] and len(rest) == 105
    assert not (few.x[:, None] == rest.x).all(-1).any() and not rest.y.equal(rest.y.sort().values)


def test_rows_are_scaled_by_the_source_alone():
    source, target = rows(300), rows(300, seed=1, shift=4)
    parts = package.prepared(source, target, 0)
    assert [len(part) for part in parts] == [300, 150, 150]
    assert parts[0].x.mean(0).abs().max() < 1e-5 and parts[0].x.std(0).sub(1).abs().max() < 1e-5
    assert parts[1].x.mean(0).min() > 1


def test_a_target_is_made_uneven_in_the_named_classes_only():
    assert package.uneven(rows(300), (1, 2)).y.bincount().tolist() == [100, 10, 10]


def test_every_real_pair_is_there(real, monkeypatch):
    real("mnist_m/mnist_m_subset.zip", "usps/usps.h5", "wbc_two_sites/wbc_two_sites.zip")
    real("en_amazon_blitzer_raw/books_negative.parsed", "mnist/MNIST/raw/t10k-images-idx3-ubyte.gz")
    monkeypatch.setattr(package, "extract_features", lambda encoder, x: torch.zeros(len(x), 2))
    package.pairs.cache_clear()
    found = package.pairs()
    package.pairs.cache_clear()
    assert len(found) == 5 * 4 + 2 + 4 * 3 + 2
    for name, (source, target) in found.items():
        assert name.split(" → ")[0] != name.split(" → ")[1] and source.classes == target.classes
