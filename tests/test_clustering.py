"""Groups and their scores against slow oracles: every pairing tried, every pair of rows counted."""

import math
from itertools import combinations, permutations

import pytest
import torch

from tlutils import kmeans, match_clusters, matched_accuracy, nmi, stability


def best_pairing(clusters, labels):
    """Return the largest share of agreeing rows over all one-to-one pairings, by trying every one."""
    groups, classes = sorted(set(clusters.tolist())), sorted(set(labels.tolist()))
    width = max(len(groups), len(classes))
    places = classes + [None] * (width - len(classes))
    best = 0
    for order in permutations(places, len(groups)):
        name = dict(zip(groups, order, strict=True))
        agree = sum(name[c] == y for c, y in zip(clusters.tolist(), labels.tolist(), strict=True))
        best = max(best, agree)
    return best / len(labels)


def draws(groups, classes, n=40, seeds=6):
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        yield torch.randint(groups, (n,), generator=generator), torch.randint(classes, (n,), generator=generator)


@pytest.mark.parametrize(("groups", "classes"), [(4, 4), (3, 5), (6, 3), (1, 4), (5, 1)])
def test_matched_accuracy_is_the_best_of_all_pairings(groups, classes):
    for clusters, labels in draws(groups, classes):
        assert matched_accuracy(clusters, labels) == pytest.approx(best_pairing(clusters, labels))


def test_the_names_of_groups_and_classes_do_not_matter():
    clusters, labels = next(draws(4, 4))
    names = torch.tensor([70, -3, 12, 5])
    assert matched_accuracy(names[clusters], labels) == matched_accuracy(clusters, labels)
    assert matched_accuracy(clusters, names[labels]) == matched_accuracy(clusters, labels)
    assert matched_accuracy(names[labels], labels) == 1


def test_a_greedy_pairing_would_be_worse():
    clusters = torch.tensor([0] * 5 + [0] * 4 + [1] * 4)
    labels = torch.tensor([0] * 5 + [1] * 4 + [0] * 4)
    assert matched_accuracy(clusters, labels) == pytest.approx(8 / 13)  # greedy takes 5 and is left with 0


def test_each_class_is_given_once_and_groups_left_over_have_none():
    clusters = torch.tensor([3, 3, 3, 1, 1, 0])
    labels = torch.tensor([7, 7, 9, 9, 9, 9])
    matched = match_clusters(clusters, labels)
    assert matched.tolist() == [7, 7, 7, 9, 9, -1]
    assert matched_accuracy(clusters, labels) == pytest.approx(4 / 6)


def slow_nmi(a, b):
    n, (a, b) = len(a), (a.tolist(), b.tolist())

    def share(*conditions):
        return sum(all(x == y for x, y in zip(row, conditions, strict=True)) for row in zip(*columns, strict=True)) / n

    columns = (a,)
    entropy_a = -sum(share(i) * math.log(share(i)) for i in set(a))
    columns = (b,)
    entropy_b = -sum(share(j) * math.log(share(j)) for j in set(b))
    columns = (a, b)
    joint = -sum(share(i, j) * math.log(share(i, j)) for i, j in set(zip(a, b, strict=True)))
    return (entropy_a + entropy_b - joint) / ((entropy_a + entropy_b) / 2)


@pytest.mark.parametrize(("groups", "classes"), [(4, 4), (3, 5), (6, 2)])
def test_nmi_is_mutual_information_over_the_mean_entropy(groups, classes):
    for clusters, labels in draws(groups, classes):
        assert nmi(clusters, labels) == pytest.approx(slow_nmi(clusters, labels), abs=1e-9)
    assert nmi((labels + 1) % classes, labels) == pytest.approx(1)


def slow_rand(a, b):
    """Return the adjusted Rand index by looking at every pair of rows."""
    a, b = a.tolist(), b.tolist()
    together = [(a[i] == a[j], b[i] == b[j]) for i, j in combinations(range(len(a)), 2)]
    both, in_a, in_b = (sum(x) for x in zip(*((p and q, p, q) for p, q in together), strict=True))
    expected = in_a * in_b / len(together)
    return float((both - expected) / ((in_a + in_b) / 2 - expected))


def test_stability_is_the_mean_adjusted_rand_index_of_all_pairs():
    groupings = [clusters for clusters, _ in draws(3, 3, n=30, seeds=3)]
    groupings.append(groupings[0].clone())
    groupings[-1][:10] = 0
    slow = [slow_rand(a, b) for a, b in combinations(groupings, 2)]
    assert stability(groupings) == pytest.approx(sum(slow) / len(slow), abs=1e-9)
    assert stability([groupings[0], (groupings[0] + 1) % 3]) == 1


def test_kmeans_finds_groups_that_lie_apart():
    generator = torch.Generator().manual_seed(0)
    truth = torch.arange(120) % 4
    x = 10 * torch.eye(4)[truth] + torch.randn(120, 4, generator=generator)
    found = kmeans(x, 4)
    assert found.dtype == torch.int64 and found.shape == (120,)
    assert matched_accuracy(found, truth) == 1
    assert kmeans(x.view(120, 1, 2, 2), 4).equal(found), "images are taken as rows"


def test_kmeans_is_the_same_bit_for_bit_for_a_seed():
    x = torch.rand(300, 8, generator=torch.Generator().manual_seed(0))
    state = torch.get_rng_state()
    assert kmeans(x, 7, seed=3).equal(kmeans(x, 7, seed=3))
    assert torch.get_rng_state().equal(state)


@pytest.mark.parametrize(
    ("x", "clusters", "message"),
    [
        (torch.rand(3, 2), 4, "3 rows cannot be put into 4"),
        (torch.rand(3, 2), 0, "into 0"),
        (torch.tensor([[0.0], [torch.nan]]), 1, "NaN"),
    ],
)
def test_kmeans_refuses(x, clusters, message):
    with pytest.raises(ValueError, match=message):
        kmeans(x, clusters)


@pytest.mark.parametrize("score", [match_clusters, matched_accuracy, nmi, lambda a, b: stability([a, b])])
@pytest.mark.parametrize(
    ("clusters", "labels", "message"),
    [
        (torch.arange(3), torch.arange(4), "3 and 4 rows"),
        (torch.rand(3), torch.arange(3), "integer"),
        (torch.arange(3), torch.zeros(3, 1, dtype=torch.long), r"\(3, 1\)"),
        (torch.arange(0), torch.arange(0), r"\(0,\)"),
    ],
)
def test_scores_refuse_groupings_that_do_not_fit(score, clusters, labels, message):
    with pytest.raises(ValueError, match=message):
        score(clusters, labels)
    with pytest.raises(TypeError, match="list"):
        score([0, 1], torch.arange(2))


@pytest.mark.parametrize("score", [match_clusters, matched_accuracy])
def test_unknown_labels_are_not_scored(score):
    with pytest.raises(ValueError, match="unlabelled rows"):
        score(torch.tensor([0, 1, 2]), torch.tensor([0, 1, -1]))


def test_stability_needs_two_groupings():
    with pytest.raises(ValueError, match="at least 2"):
        stability([torch.arange(3)])
