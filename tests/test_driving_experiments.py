"""The pieces of the driving experiments: same start, honest labels, and what is stored."""

import pytest
import torch

from tlutils import Domain, driving_experiments, stored
from tlutils.closed_loop import TRACKS
from tlutils.datasets import driving
from tlutils.driving_experiments import (
    cloned,
    corrected,
    mirrored,
    pooled,
    resampled,
    steering_error,
    tuned,
    weighted,
)
from tlutils.train import outputs
from tlutils.worlds import SIM


@pytest.fixture(scope="module")
def frames():
    return driving.recorded("sim").subset(torch.arange(0, 2400, 12))


def test_a_clone_learns_to_steer_and_the_seed_decides(frames):
    models = [cloned(frames, steps=40, seed=seed) for seed in (0, 0, 1)]
    answers = [outputs(model, frames.x[:20]) for model in models]
    assert torch.equal(answers[0], answers[1]) and not torch.equal(answers[0], answers[2])
    always = (frames.y - frames.y.mean()).abs().mean().item()
    assert steering_error(models[0], frames) < 0.7 * always


def test_the_error_is_the_mean_absolute_difference(frames):
    class Zero(torch.nn.Linear):
        def forward(self, x):
            return torch.zeros(len(x), 1)

    assert steering_error(Zero(1, 1), frames) == pytest.approx(frames.y.abs().mean().item())


def test_tuning_leaves_the_given_policy_alone(frames):
    model = cloned(frames, steps=5, seed=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tuned(model, frames.subset(torch.arange(64)), 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_corrections_spend_no_more_labels_than_fine_tuning(monkeypatch, frames):
    spent = []

    def counting(model, few: Domain, seed):
        spent.append(len(few))
        return model

    monkeypatch.setattr(driving_experiments, "tuned", counting)
    corrected(cloned(frames, steps=5, seed=0), frames, SIM, 0)
    assert spent == [50, 100, 150, driving_experiments.FEW] and driving_experiments.FEW == 200


def test_tracks_of_corrections_are_neither_recorded_nor_scored():
    asked = {track for tracks in driving_experiments.ROUNDS for track in tracks}
    recorded = {track for part in driving.PARTS for track in driving.tracks("road", part).tolist()}
    assert not asked & recorded and not asked & set(TRACKS)


def test_what_is_stored_meets_what_was_asked_for():
    full = stored("sim_to_real")
    assert min(full["expert"]["laps"][track].mean for track in TRACKS) >= 0.9
    assert full["in sim"]["source only"].mean >= 0.85
    assert full["source only"]["lap"].mean <= 0.5
    assert max(full[name]["lap"].mean for name in ("MMD", "DANN", "random looks", "BatchNorm re-estimated")) >= 0.75


# ---------------------------------------------------------------- cities


def test_mirrored_frames_turn_the_other_way(frames):
    other = mirrored(frames)
    assert torch.equal(other.y, -frames.y) and torch.equal(other.x[..., 0], frames.x[..., -1])
    assert torch.equal(mirrored(other).x, frames.x)


def test_resampling_gives_the_steering_of_another_city_and_keeps_rows_whole(frames):
    wanted = mirrored(frames).y
    drawn = resampled(frames, wanted, seed=0)
    edges = torch.linspace(-1, 1, 9)[1:-1]
    got, aim = (torch.bincount(torch.bucketize(y[:, 0].contiguous(), edges), minlength=8) for y in (drawn.y, wanted))
    have = torch.bincount(torch.bucketize(frames.y[:, 0].contiguous(), edges), minlength=8)
    aim = aim * len(frames) / aim[have > 0].sum()
    assert ((got - aim).abs()[have > 0] <= 25).all(), "as often as wanted, but for the draw"
    assert (got[have == 0] == 0).all(), "what the domain lacks cannot be drawn"
    rows = {(x.sum().item(), y.item()) for x, y in zip(frames.x, frames.y, strict=True)}
    assert all((x.sum().item(), y.item()) in rows for x, y in zip(drawn.x, drawn.y, strict=True))


def test_a_city_three_times_as_far_gives_a_third_of_the_rows(frames):
    near, far = frames, frames.map(lambda x: x * 0)
    domain = weighted([near, far], [0.1, 0.3], seed=0)
    dark = (domain.x.sum((1, 2, 3)) == 0).sum().item()
    assert len(domain) == len(frames) and dark == len(frames) // 4
    with pytest.raises(ValueError, match="distances must be positive"):
        weighted([near, far], [0.1, -0.01], seed=0)


def test_a_pool_holds_every_row_of_every_city(frames):
    pool = pooled([frames, mirrored(frames)])
    assert len(pool) == 2 * len(frames) and pool.y.mean().abs() < 1e-6
    assert pool.name == "sim, train + sim, train, mirrored"
