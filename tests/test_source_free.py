"""SHOT: its pseudo-labels against a slow oracle, what stays frozen, what is never read."""

from dataclasses import replace

import pytest
import torch

from tlutils import Domain, accuracy, fit
from tlutils.source_free import pseudo_labels, shot

SHORT = {"epochs": 10, "batch_size": 30, "lr": 2e-3}


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.fixture
def fitted(new_model, new_domain):
    model = new_model()
    fit(model, new_domain(), epochs=8, batch_size=15)
    return model


def slow_labels(features, logits):
    """Equations 4 and 5 row by row."""
    p = logits.softmax(1)
    n, k = p.shape

    def nearest(weights):
        centroids = []
        for c in range(k):
            total = sum(weights[i][c] for i in range(n))
            centroids.append(sum(weights[i][c] * features[i] for i in range(n)) / total if total else None)
        cosines = [
            [torch.cosine_similarity(row, c, dim=0).item() if c is not None else -2 for c in centroids]
            for row in features
        ]
        return [row.index(max(row)) for row in cosines]

    first = nearest(p)
    return nearest([[float(label == c) for c in range(k)] for label in first])


@pytest.mark.parametrize("seed", range(5))
def test_pseudo_labels_equal_the_slow_ones(seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(25, 6, generator=generator).double()
    logits = torch.randn(25, 4, generator=generator).double() * 3
    assert pseudo_labels(features, logits).tolist() == slow_labels(features, logits)


def test_a_class_that_no_row_belongs_to_is_never_a_pseudo_label():
    features = -torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    logits = torch.zeros(20, 3)
    logits[:10, 0] = logits[10:, 1] = 200  # exactly zero for class 2
    assert 2 not in pseudo_labels(features, logits)


def test_it_follows_a_shift_and_leaves_the_head(fitted, new_domain):
    target = new_domain(300, shift=2.5, seed=5)
    before, head = accuracy(fitted, target), state(fitted.head)
    history = shot(fitted, target.unlabelled(), **SHORT)
    assert accuracy(fitted, target) > before + 0.1
    assert all(torch.equal(value, head[name]) for name, value in fitted.head.state_dict().items())
    assert all(parameter.requires_grad for parameter in fitted.parameters())
    assert len(history) == 10 and history[-1]["information"] < history[0]["information"]


def test_labels_of_the_target_are_not_read(fitted, new_domain):
    target, start, outcome = new_domain(90, shift=1.0, seed=5), state(fitted), []
    for labels in (None, target.y, (target.y + 1) % 3):
        fitted.load_state_dict(start)
        shot(fitted, replace(target, y=labels), **SHORT)
        outcome.append(state(fitted))
    assert all(torch.equal(outcome[0][name], other[name]) for other in outcome[1:] for name in other)


def test_pull_scales_the_second_term(fitted, new_domain):
    start, target = state(fitted), new_domain(60, shift=1.0)
    terms = []
    for pull in (0.5, 1.0):
        fitted.load_state_dict(start)
        terms.append(shot(fitted, target, steps=1, batch_size=60, pull=pull)[0])
    assert terms[1]["pseudo-labels"] == pytest.approx(2 * terms[0]["pseudo-labels"], rel=1e-5)
    assert terms[1]["information"] == pytest.approx(terms[0]["information"], rel=1e-5)


def test_a_head_that_does_not_fit_is_refused_and_a_frozen_head_stays_so(fitted, new_domain):
    target = new_domain(30)
    with pytest.raises(ValueError, match="the head tells 3 classes apart and rows has 2"):
        shot(fitted, Domain(target.x, None, ("a", "b"), "rows"))
    with pytest.raises(ValueError, match="at least 2 rows and pull ≥ 0, got 30 and -1"):
        shot(fitted, target, pull=-1)
    fitted.head.requires_grad_(False)
    shot(fitted, target, steps=1)
    assert not any(parameter.requires_grad for parameter in fitted.head.parameters())
