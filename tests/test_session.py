"""The session: profile, device, seeds, and who is watching."""

import os
import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tlutils import start
from tlutils.session import seed_everything, watched_by_a_person


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    monkeypatch.delenv("TLUTILS_PROFILE", raising=False)
    monkeypatch.setenv("ACCELERATE_USE_CPU", os.environ["ACCELERATE_USE_CPU"])  # set by `start`: put back afterwards
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_without_cuda_the_profile_is_laptop_on_the_cpu():
    session = start(3)
    assert (session.seed, session.device, session.profile, session.full) == (3, torch.device("cpu"), "laptop", False)


def test_with_cuda_the_profile_is_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    session = start()
    assert (session.device, session.profile, session.full) == (torch.device("cuda"), "gpu", True)


@pytest.mark.parametrize(
    ("profile", "cuda", "device"), [("laptop", True, "cpu"), ("gpu", False, "cpu"), ("gpu", True, "cuda")]
)
def test_the_environment_variable_decides_the_profile(monkeypatch, profile, cuda, device):
    monkeypatch.setenv("TLUTILS_PROFILE", profile)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    session = start()
    assert (session.profile, session.device.type, session.full) == (profile, device, profile == "gpu")


def test_the_laptop_profile_keeps_training_on_the_cpu(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "false")
    start()
    assert os.environ["ACCELERATE_USE_CPU"] == "true"


def test_an_unknown_profile_is_refused_with_the_nearest_one(monkeypatch):
    monkeypatch.setenv("TLUTILS_PROFILE", "labtop")
    with pytest.raises(ValueError, match=r"TLUTILS_PROFILE 'labtop'.*did you mean 'laptop'\?.*gpu, laptop"):
        start()


@pytest.mark.parametrize("seeder", [start, seed_everything])
def test_a_seed_makes_every_generator_repeat_itself(seeder):
    seeder(5)
    first = draws()
    seeder(5)
    assert draws() == first
    seeder(6)
    assert not set(draws()) & set(first), "another seed changes all three"


def test_under_pytest_nobody_is_watching():
    assert watched_by_a_person() is False


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_counts_as_a_person(monkeypatch, terminal):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: terminal))
    assert watched_by_a_person() is terminal


@pytest.mark.parametrize("can_ask", [True, False])
def test_a_notebook_counts_when_it_can_ask_for_input(monkeypatch, can_ask):
    shell = SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=can_ask))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: not can_ask))
    assert watched_by_a_person() is can_ask
