"""Closed loop: the expert as yardstick, the same answer in any number of processes, honest labels."""

import pytest
import torch

from tlutils.closed_loop import Policy, closed_loop, corrections, score
from tlutils.expert import pursue
from tlutils.nets import Classifier, DrivingNet
from tlutils.simulator import STEPS, Simulator
from tlutils.worlds import SIM


class Constant(torch.nn.Module):
    """A policy that always answers the same steering."""

    def __init__(self, steering: float) -> None:
        super().__init__()
        self.steering = torch.nn.Parameter(torch.tensor(steering))

    def forward(self, x):
        return self.steering.expand(len(x), 1)


def always_right(run):
    return 1.0


def test_the_expert_gets_full_marks_and_a_blind_driver_does_not():
    expert, blind = (closed_loop(driver, SIM, range(3), processes=1) for driver in (pursue, Constant(0.0)))
    assert expert["lap"].mean == 1 and expert["off road"].mean == 0 and expert["offset"].mean < 0.2
    assert blind["lap"].mean < 0.3 and blind["off road"].mean > 0.7 and blind["jerk"].mean == 0
    assert len(expert["lap"].runs) == 3


def test_the_number_of_processes_does_not_change_the_answer():
    torch.manual_seed(0)
    model = Classifier(DrivingNet(), 1)
    one, two = (closed_loop(model, SIM, range(3), processes=n) for n in (1, 2))
    assert one == two


def test_scores_are_those_of_a_slow_count():
    run = Simulator(SIM, 1)
    outside, steering = [], []
    while not run.over:
        steering.append(0.3 if run.steps > 30 else 0.0)
        run.step(steering[-1])
        outside.append(not run.on_road)
    assert run.lost
    got = score(lambda run: 0.3 if run.steps > 30 else 0.0, SIM, 1)
    assert got["lap"] == run.progress
    assert got["off road"] == pytest.approx((sum(outside) + STEPS - run.steps) / STEPS)
    assert got["jerk"] == pytest.approx(0.3 / run.steps), "one change, from 0 to 0.3"


def test_a_policy_is_a_copy_in_evaluation_mode_and_stays_in_range():
    model = Constant(3.0).train()
    policy = Policy(model)
    assert policy(Simulator(SIM, 0)) == 1.0
    assert model.training and not policy.model.training
    with torch.no_grad():
        model.steering.fill_(0.0)
    assert policy(Simulator(SIM, 0)) == 1.0


def test_corrections_hold_what_the_policy_saw_and_what_the_expert_would_do():
    domain = corrections(Constant(0.3), SIM, [0, 1], frames=14)
    assert domain.x.shape == (14, 3, 36, 64) and domain.classes == ("steering",)
    seen, wanted = [], []
    for track in (0, 1):
        run = Simulator(SIM, track)
        while not run.over:
            seen.append(run.frame())
            wanted.append(pursue(run))
            run.step(float(torch.tensor(0.3)))
    kept = [i * (len(seen) - 1) // 13 for i in range(14)]
    assert torch.equal(domain.x, torch.stack([seen[i] for i in kept]))
    assert domain.y[:, 0].tolist() == pytest.approx([wanted[i] for i in kept])
    assert (domain.y < 0).any(), "the expert steers back"


def test_the_number_of_threads_is_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    score(always_right, SIM, 0)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_too_few_tracks_are_refused():
    with pytest.raises(ValueError, match="at least 2 runs"):
        closed_loop(pursue, SIM, [0], processes=1)
    with pytest.raises(ValueError, match="at least one track"):
        corrections(Constant(0.0), SIM, [], frames=5)
