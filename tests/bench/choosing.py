"""The stored experiment `choosing` where torchvision's ImageNet weights cannot be fetched: with files of your own.

    python tests/bench/choosing.py mobilenet_v2=mobilenet_v2.pth squeezenet1_0=squeezenet1_0.pth

Measures and stores what `python -m tlutils.experiments choosing` does, with these weights for the named networks.
"""

from __future__ import annotations

import argparse
from functools import partial

from tlutils import experiments
from tlutils.choice_experiments import CANDIDATES, choosing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="+", metavar="NAME=FILE", help=", ".join(CANDIDATES))
    weights = dict(pair.partition("=")[::2] for pair in parser.parse_args().weights)
    unknown = sorted(set(weights) - set(CANDIDATES))
    if unknown:
        parser.error(f"{', '.join(unknown)} are no candidates; those are {', '.join(CANDIDATES)}")
    experiments.EXPERIMENTS["choosing"] = partial(choosing, weights=weights)
    experiments.measure("choosing")


if __name__ == "__main__":
    main()
