"""One call at the top of every notebook: seeds, device, profile."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import dataclass

import torch

from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.missing_names import explain_missing_names

PROFILES = ("laptop", "gpu")


@checked
@dataclass(frozen=True)
class Session:
    """The run's seed, device and profile, as set by `start`. Taught in notebook 00."""

    seed: int
    device: torch.device
    profile: str

    @property
    def full(self) -> bool:
        """Whether full-size data is wanted (the `gpu` profile) instead of the embedded data."""
        return self.profile == "gpu"


@checked
def start(seed: int = 0) -> Session:
    """Seed every random generator, pick profile and device, return them as a `Session`.

    The profile is `gpu` where CUDA is, else `laptop` (embedded data, CPU); the environment variable
    TLUTILS_PROFILE overrides it. In a notebook, a name that no cell has defined yet gets a line of advice
    from now on. Raises ValueError for an unknown profile and for a seed outside 0 … 2³² − 1. Taught in notebook 00.
    """
    explain_missing_names()
    profile = os.environ.get("TLUTILS_PROFILE") or ("gpu" if torch.cuda.is_available() else "laptop")
    if profile not in PROFILES:
        raise unknown("profile in TLUTILS_PROFILE", profile, PROFILES)
    if profile == "laptop":
        # Accelerate would otherwise pick a small accelerator (MPS, an old GPU) and change the digits.
        os.environ["ACCELERATE_USE_CPU"] = "true"
    seed_everything(seed)
    on_gpu = profile == "gpu" and torch.cuda.is_available()
    return Session(seed, torch.device("cuda" if on_gpu else "cpu"), profile)


@checked
def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's random generators. Raises ValueError for a seed outside 0 … 2³² − 1."""
    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)


def watched_by_a_person() -> bool:
    """Return whether somebody sits in front of this run: progress bars are shown only then.

    A terminal counts, and a notebook whose front end can ask its user for input: Jupyter and Colab
    say so with every cell, nbval and nbconvert say they cannot.
    """
    if "IPython" in sys.modules:
        kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
        if kernel is not None:
            return bool(getattr(kernel, "_allow_stdin", False))
    return sys.stderr.isatty()
