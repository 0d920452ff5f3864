"""`python -m tlutils PATH`: advice on a folder of images or a CSV of texts, printed and kept as a page with a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Print the advice and write it into a folder; return 0, or 2 when there is none to give."""
    parser = argparse.ArgumentParser(
        prog="python -m tlutils",
        description="Advice on your own data: checks, the best encoder, a trained model, a report.",
        epilog="A folder holds one subfolder per class (or train and test with these inside), and perhaps one called "
        "unlabelled. A .csv or .tsv file holds a column of texts and one of labels.",
    )
    parser.add_argument("path", type=Path, help="a folder of images, or a .csv or .tsv file of texts")
    parser.add_argument("--text", help="column of the texts (guessed if not given)")
    parser.add_argument("--label", help="column of the labels (guessed if not given)")
    parser.add_argument("--size", type=int, default=64, help="side to which images are brought, in pixels (default 64)")
    parser.add_argument("--encoders", nargs="+", metavar="NAME", help="encoders to compare, such as photos resnet50")
    parser.add_argument(
        "--minutes", type=float, default=3.0, help="time after which fine-tuning is left out (default 3)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for report and model (default: the name with -advice)")
    parser.add_argument("--force", action="store_true", help="replace a report and a model that are there already")
    given = parser.parse_args(arguments)
    folder = given.output or Path(f"{given.path.resolve().stem}-advice")
    # Here, so that `--help` and a mistyped option answer at once.
    from tlutils.advice import advise
    from tlutils.advice_page import refuse_to_replace, refuse_unwritable
    from tlutils.own_data import read_own_data

    try:
        refuse_to_replace(folder, given.force)  # this and the next before minutes of work
        refuse_unwritable(folder)
        own = read_own_data(given.path, text=given.text, label=given.label, size=given.size)
        print(f"{len(own.domain):,} rows read; measuring them may take minutes", file=sys.stderr)
        advice = advise(own, encoders=given.encoders, minutes=given.minutes, seed=given.seed)
        print(advice)
        report = advice.save(folder, force=given.force)
    except (ValueError, OSError) as error:
        print(f"No advice: {error}", file=sys.stderr)
        return 2
    print(f"\n{advice.seconds:.0f} seconds. The report: {report}. The model: {folder / 'model'}, with predict.py.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
