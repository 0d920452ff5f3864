"""Simulated shifts: each moves what its name says, holds the rest still, and moves nothing at strength 0."""

import math

import pytest
import torch

from tlutils import linear_probe, mmd
from tlutils.datasets import shifts

WORLDS = {"covariate": shifts.covariate, "label": shifts.label, "concept": shifts.concept, "subspace": shifts.subspace}
every_world = pytest.mark.parametrize("shift", WORLDS.values(), ids=WORLDS)


def crosses(domain):
    return domain.y.float().mean().item()


def joint(domain):
    """Inputs and label in one row, so that a distance sees a shift of either and of the rule between them."""
    return torch.cat([domain.x, 3 * domain.y[:, None].float()], dim=1)


def height(domain):
    """How far a point of the covariate world lies above the curve."""
    return domain.x[:, 1] - domain.x[:, 0].square() / 2


@every_world
def test_source_and_target_are_labelled_points_in_the_plane_of_the_same_size(shift):
    for domain in shift(n=37, strength=0.5, seed=1):
        assert domain.x.shape == (37, 2) and domain.x.dtype == torch.float32
        assert domain.y.shape == (37,) and domain.y.dtype == torch.int64
        assert domain.classes == ("dots", "crosses")
    source, target = shift(n=37)
    assert source.name.endswith(" shift, source") and target.name.endswith(" shift, target")


@every_world
def test_strength_0_moves_nothing(shift):
    runs = torch.tensor([mmd(*map(joint, shift(n=200, strength=0, seed=seed))) for seed in range(60)])
    assert abs(runs.mean()) < 3 * runs.std() / math.sqrt(len(runs))


@every_world
def test_the_joint_distribution_moves_further_with_strength(shift):
    far = [mmd(*map(joint, shift(n=1000, strength=strength))).item() for strength in (0, 0.5, 1)]
    assert far[0] < 0.02 < far[1] < far[2]


@every_world
def test_source_and_target_are_drawn_independently(shift):
    source, target = shift(strength=0)
    assert not (source.x[:, None] == target.x).all(-1).any()


@every_world
def test_the_seed_alone_decides_and_the_source_does_not_know_the_strength(shift):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    source, target = shift(n=50, strength=0.3, seed=4)
    assert torch.random.get_rng_state().equal(before)
    again, moved = shift(n=50, strength=0.9, seed=4)
    assert source.x.equal(again.x) and source.y.equal(again.y)
    assert shift(n=50, strength=0.3, seed=4)[1].x.equal(target.x)
    assert not joint(moved).equal(joint(target))
    assert not shift(n=50, strength=0.3, seed=5)[0].x.equal(source.x)


def test_covariate_shift_moves_the_inputs_alone():
    source, target = shifts.covariate(n=20_000, strength=1)
    assert source.x[:, 0].mean() == pytest.approx(-1.5, abs=0.02)
    assert target.x[:, 0].mean() == pytest.approx(1.5, abs=0.02)
    assert crosses(source) == pytest.approx(0.5, abs=0.015)
    assert crosses(target) == pytest.approx(0.5, abs=0.015)
    for low in (-1.0, -0.3, 0.0, 0.3, 1.0):  # the same rule, slice by slice above and below the curve
        shares = [crosses(domain.subset((height(domain) - low).abs() < 0.15)) for domain in (source, target)]
        assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_label_shift_moves_the_shares_and_neither_cloud():
    for strength in (0, 0.5, 1):
        source, target = shifts.label(n=20_000, strength=strength)
        assert crosses(source) == pytest.approx(0.1, abs=0.01)
        assert crosses(target) == pytest.approx(0.1 + 0.8 * strength, abs=0.015)
    for number in (0, 1):
        clouds = [domain.x[domain.y == number] for domain in (source, target)]
        assert clouds[0].mean(0).tolist() == pytest.approx(clouds[1].mean(0).tolist(), abs=0.06)
        assert clouds[0].std(0).tolist() == pytest.approx(clouds[1].std(0).tolist(), abs=0.06)


@pytest.mark.parametrize("strength", [0, 0.25, 0.5, 1])
def test_concept_shift_turns_the_rule_and_leaves_the_inputs(strength):
    source, target = shifts.concept(n=20_000, strength=strength)
    for domain, angle in ((source, 0), (target, 90 * strength)):
        assert domain.x.mean(0).tolist() == pytest.approx([0, 0], abs=0.03)
        assert domain.x.std(0).tolist() == pytest.approx([1, 1], abs=0.03)
        assert crosses(domain) == pytest.approx(0.5, abs=0.015)
        towards = domain.x[domain.y == 1].mean(0)  # the middle of the crosses shows where the rule points
        assert math.degrees(math.atan2(towards[1], towards[0])) == pytest.approx(angle, abs=2)
    unmoved = shifts.concept(n=20_000, strength=0)[1]
    assert unmoved.x.equal(target.x)


@pytest.mark.parametrize("strength", [0, 0.5, 1])
def test_subspace_shift_takes_the_class_out_of_one_direction_and_keeps_every_variance(strength):
    source, target = shifts.subspace(n=20_000, strength=strength)
    for domain, told in ((source, 1), (target, 1 - strength)):
        assert crosses(domain) == pytest.approx(0.5, abs=0.015)
        halves = [domain.x[domain.y == number].mean(0) for number in (0, 1)]
        assert (halves[1] - halves[0]).tolist() == pytest.approx([3, told], abs=0.05)
        assert domain.x.var(0).tolist() == pytest.approx([1.5**2 + 1, 0.25 * 1.09], rel=0.03)
        # The coarse direction stays useful: it alone tells dots from crosses as well as a gap of 3 deviations does.
        assert ((domain.x[:, 0] > 0).long() == domain.y).float().mean() == pytest.approx(0.933, abs=0.01)


@every_world
def test_a_line_does_well_at_home_and_fails_abroad(shift):
    source, target = shift(strength=1)
    known, unseen = source.split(0.5)
    probe = linear_probe(known.x, known.y)
    assert probe.score(unseen.x, unseen.y) > 0.82
    assert probe.score(target.x, target.y) < 0.65


@every_world
@pytest.mark.parametrize("strength", [-0.1, 1.1, float("inf")])
def test_a_strength_outside_0_to_1_is_refused(shift, strength):
    with pytest.raises(ValueError, match=r"strength must lie between 0 \(no shift\) and 1, got"):
        shift(strength=strength)


@every_world
@pytest.mark.parametrize("n", [0, 1, -5, 10**8])
def test_a_size_that_is_no_sample_is_refused(shift, n):
    with pytest.raises(ValueError, match="n must be 2 to 10,000,000, got"):
        shift(n=n)
