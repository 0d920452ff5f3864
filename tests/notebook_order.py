"""A pytest plugin that runs the notebooks in another order: `-p tests.notebook_order --notebook-order=random`.

The cells of one notebook stay together and in order. The seed is printed; given as the order, it
repeats the run.
"""

import random

import pytest


def pytest_addoption(parser):
    """Add the option."""
    parser.addoption("--notebook-order", default="given", metavar="given|random|SEED", help="order of the notebooks")


def pytest_configure(config):
    """Draw the seed, so that the header can print it."""
    if hasattr(config, "workerinput"):  # one of several processes: all need the same order
        config.notebook_seed = config.workerinput["notebook_seed"]
        return
    order = config.getoption("--notebook-order")
    config.notebook_seed = random.randrange(10_000) if order == "random" else None if order == "given" else int(order)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Hand the seed to a process of pytest-xdist."""
    node.workerinput["notebook_seed"] = node.config.notebook_seed


def pytest_report_header(config):
    """Name the seed of the order."""
    seed = config.notebook_seed
    return "notebooks in the given order" if seed is None else f"notebooks in random order: ORDER={seed} repeats it"


def pytest_collection_modifyitems(config, items):
    """Shuffle the files, not the cells."""
    if config.notebook_seed is None:
        return
    files = sorted({item.path for item in items})
    random.Random(config.notebook_seed).shuffle(files)
    place = {file: number for number, file in enumerate(files)}
    items.sort(key=lambda item: place[item.path])  # stable: cells keep their order
