"""Choosing without target labels: the journey, the choice, the stopping point, and that no label is read."""

import math
from dataclasses import replace

import pytest
import torch

from tlutils import KeepBest, accuracy, choose, fit, mmd, predict, reverse_validation


def trainer(new_model, log=None, **settings):
    def train(source, target):
        if log is not None:
            log.append((source, target))
        model = new_model(len(source.classes))
        fit(model, source, target, penalty=mmd, lr=1e-2, batch_size=30, **settings)
        return model

    return train


def test_reverse_validation_travels_to_the_target_and_back(new_model, new_domain):
    log = []
    source, target = new_domain(300), new_domain(200, shift=1.0, seed=1)
    score = reverse_validation(trainer(new_model, log, epochs=10), source, target)
    (known, there), (pseudo, back) = log
    assert len(known) == 270 and there.y is None and back.y is None
    assert back.x.equal(known.x), "the way back ends at the same source rows, without labels"
    assert pseudo.x.equal(target.x)
    assert score > 0.9


def test_reverse_validation_is_low_where_the_journey_loses_the_classes(new_model, new_domain):
    source, noise = new_domain(300), new_domain(200)
    noise = replace(noise, x=torch.randn(200, 4, generator=torch.Generator().manual_seed(0)) * 0.01 - 50)
    assert reverse_validation(trainer(new_model, epochs=3), source, noise) < 0.9


def test_bug_10_reverse_validation_reads_no_target_label(new_model, new_domain):
    source, target = new_domain(), new_domain(shift=1.0, seed=1)
    wrong = replace(target, y=(target.y + 1) % 3)
    train = trainer(new_model, epochs=2)
    assert reverse_validation(train, source, target) == reverse_validation(train, source, wrong)


def test_reverse_validation_needs_source_labels(new_model, new_domain):
    with pytest.raises(ValueError, match="rows has no labels"):
        reverse_validation(trainer(new_model), new_domain().unlabelled(), new_domain())


def test_choose_takes_the_highest_and_of_equals_the_first():
    assert choose({0.1: 0.5, 1.0: 0.9, 10.0: 0.9}) == 1.0


@pytest.mark.parametrize(("scores", "words"), [({}, "scores are empty"), ({"a": 1.0, "b": math.nan}, "'b' is nan")])
def test_choose_refuses_nothing_and_nonsense(scores, words):
    with pytest.raises(ValueError, match=words):
        choose(scores)


def test_keep_best_brings_back_the_weights_of_the_best_epoch(new_model, new_domain):
    states = []
    scores = iter([0.2, 0.7, 0.7, 0.4])

    def score(model):
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(scores)

    model, best = new_model(), KeepBest(score)
    fit(model, new_domain(), epochs=4, batch_size=15, after_epoch=best)
    assert not predict(model, new_domain().x).equal(torch.zeros(90))
    assert best.restore(model) == 2, "of equals, the one that was trained longer"
    assert all(value.equal(states[2][name]) for name, value in model.state_dict().items())
    assert not all(value.equal(states[3][name]) for name, value in model.state_dict().items())


def test_keep_best_has_nothing_to_restore_before_the_first_epoch(new_model):
    with pytest.raises(ValueError, match="no epoch was scored yet"):
        KeepBest(lambda model: 0.0).restore(new_model())


@pytest.mark.parametrize(("settings", "seed"), [({}, 0), ({"seed": 3}, 3)])
def test_reverse_validation_holds_out_a_tenth_by_the_seed_and_names_the_sources_classes(
    new_model, new_domain, settings, seed
):
    log = []
    source, target = new_domain(), replace(new_domain(60, seed=1), classes=("x", "y", "z"))
    reverse_validation(lambda *domains: log.append(domains) or new_model(), source, target, **settings)
    (known, there), (pseudo, _) = log
    assert known.x.equal(source.split(0.9, seed)[0].x)
    assert there.classes == ("x", "y", "z") and pseudo.classes == source.classes == ("a", "b", "c")
    assert pseudo.y.equal(predict(new_model(), target.x))


def test_keep_best_goes_on_from_what_a_checkpoint_kept(new_model):
    fresh, scores = KeepBest(lambda model: 0.0), iter([0.5, 0.9])
    assert fresh.state_dict() == {"scores": [], "state": {}}
    best = KeepBest(lambda model: next(scores))
    for seed in (1, 2):
        best(new_model(seed=seed))
    resumed = KeepBest(lambda model: 0.7)
    resumed.load_state_dict(best.state_dict())
    resumed(new_model(seed=3))
    model = new_model(seed=4)
    assert resumed.restore(model) == 1 and resumed.scores == [0.5, 0.9, 0.7]
    assert all(value.equal(new_model(seed=2).state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda domain: reverse_validation(None, domain, domain), "reverse_validation: train must be a function"),
        (lambda domain: choose([0.5]), "choose: scores must be a dict"),
        (lambda domain: KeepBest(0.5), "KeepBest: score must be a function"),
        (lambda domain: KeepBest(accuracy)(domain), "KeepBest: model must be a Module"),
        (lambda domain: KeepBest(accuracy).restore(domain), "KeepBest.restore: model must be a Module"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(new_domain, call, words):
    with pytest.raises(TypeError, match=words):
        call(new_domain())
