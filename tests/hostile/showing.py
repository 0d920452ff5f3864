"""Attacks on the figures, the course's map, the advice, the methods of notebook 16 and their tables."""

import dataclasses
import io
import json
import os
import tempfile
from functools import cache, partial, wraps
from pathlib import Path

import numpy as np
import torch
from hostile import kit
from hostile.kit import Attack, Kind, domains, flags, functions, names, numbers, tensor, tensors, values
from hypothesis import strategies as st
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from torch import nn

import tlutils as tl
from tlutils import advice, advice_page, course, methods, plots, trends
from tlutils import transfer_tables as tables
from tlutils.own_model import view
from tlutils.plots import style
from tlutils.transfer_experiments import ALONE, VALIDATION

DRAWS = bool(os.environ.get("HOSTILE_DRAWS"))  # every figure is drawn as well: slow


def drawn(function):
    """Return a function that makes a figure, and may also draw it."""

    @wraps(function)
    def made(*arguments, **named):
        figure = function(*arguments, **named)
        assert isinstance(figure, Figure)
        if DRAWS:
            figure.savefig(io.BytesIO(), format="png", dpi=20)
        return figure

    return made


ESTIMATES = [tl.Estimate((0.2, 0.3)), tl.Estimate((0.5, 0.5, 0.7)), tl.Estimate([-3, 4])]
ODD_ESTIMATES = [
    tl.Estimate((0, 0)),
    tl.Estimate((1e150, -1e150)),
    tl.Estimate((1e-300, 2e-300)),
    tl.Estimate((1e149,) * 2),
]
A, B, C = ESTIMATES
ODD = [*ODD_ESTIMATES, None, 0.5, "a", [0.1, 0.2], tensor(2), float("nan"), 10**400, 1j, {}, []]
FORMULAS = ["\ud800", "$\\frac$", "a$b_$c^", "$$"]  # from data alone: a formula in a title has to be right
ODD_NAMES = ["", "$", "\0", "x" * 300, "二", "a\nb", 1, None, (), float("nan")]
X = [0, 1, 5, -1, 1e300, float("nan"), float("inf"), "1", None, True, np.float32(2), 10**400]


def nested(good, leaves, keys):
    """Return dicts of dicts as they should be, and those with an odd leaf, an odd key, an odd row or none."""
    odd = [{"a": {1: leaf, 5: A}} for leaf in leaves] + [{"a": {key: A}, "b": {1: B}} for key in keys]
    odd += [{"a": {}}, {"a": A}, {"a": [A, B]}, {"a": None}, {name: good for name in "abcdefgh"}, {"a": good, "b": {}}]
    odd += [{name: good} for name in ODD_NAMES]
    return values([{"a": good}, {"a": good, "b": good}], odd)


CURVES = nested({1: A, 5: B}, ODD, X)
TITLES = Kind(st.sampled_from(["a title"]), names("a title").bad | st.sampled_from(ODD_NAMES))
LABELS = {"title": TITLES, "xlabel": TITLES, "ylabel": TITLES}
ROWS = values(
    [{"a": A, "b": B}],
    [{"a": leaf} for leaf in ODD] + [{name: A} for name in ODD_NAMES] + [dict.fromkeys(range(30), A)],
)
THREES = [
    *((0.5, 0.4, 0.6), (0, 0, 0), (1, 2), (), None),
    *("abc", (None,) * 3, (0.5, float("nan"), 1), (1, 1e308, -1e308), (10**400,) * 3),
]
PAIRS = [
    *((0.5, -0.4), (0, 0), (-1, 2), (1,), None),
    *("ab", ("a", "b"), (float("nan"), 1), (1, float("inf")), (1e149, -1e149)),
]


def table_of(good, odd):
    """Return tables of cells, and those of an odd cell, name or form."""
    tables = [{"a": {"b": cell}} for cell in odd] + [{name: {name: good}} for name in ODD_NAMES]
    tables += [{"a": {}}, {"a": None}, {"a": {"b": good}, "c": {"d": good}}, {"a": {n: good for n in range(2000)}}]
    return values([{"a": {"b": good, "c": good}, "b": {"b": good, "c": good}}], tables)


GAIN = tl.transfer_gain(B, tl.Estimate((0.1, 0.2, 0.4)))
GAINS = [
    GAIN._replace(verdict="perhaps"),
    GAIN._replace(gain=None),
    GAIN._replace(gain=ODD_ESTIMATES[1]),
    (A, "helps", B),
    A,
    1,
]


def domains_of_pictures():
    """Return domains of pictures with all classes, beside the usual odd ones."""
    y = torch.arange(6) % 2
    good = st.integers(0, 2).map(lambda seed: tl.Domain(tensor(6, 3, 8, 8, seed=seed), y, ("a", "b"), "pictures"))
    x = tensor(6, 3, 8, 8)
    odd = [tl.Domain(x, y, (name, "b"), name) for name in [*ODD_NAMES, *FORMULAS] if isinstance(name, str) and name]
    return Kind(good, domains().bad | st.sampled_from([*odd, tl.Domain(x[:, :2], y, ("a", "b"), "two colours")]))


def plane():
    """Return labelled rows (n, 2) of two classes, and odd ones."""
    y = torch.arange(12) % 2
    made = partial(tl.Domain, y=y, classes=("a", "b"), name="rows")
    x = tensor(12, 2)
    odd = [made(x=x * 0), made(x=1e30 * x), made(x=3e38 * x.sign()), made(x=x.double() * 1e300), made(x=x.half())]
    return Kind(
        st.integers(0, 3).map(lambda seed: made(x=tensor(12, 2, seed=seed))), domains(12, 2).bad | st.sampled_from(odd)
    )


def decides(scores):
    """Return a model with a decision function of its own."""
    model = LogisticRegression()
    model.decision_function = scores
    return model


FITTED = LogisticRegression().fit(tensor(8, 2), torch.arange(8) % 2)
MODELS = [
    *(decides(lambda x: x[:, 0]), decides(lambda x: x), decides(lambda x: x[:, 0] * float("nan"))),
    decides(lambda x: None),
    *(decides(lambda: 1), nn.Linear(2, 1), LogisticRegression()),
    LogisticRegression().fit(tensor(8, 3), torch.arange(8) % 2),
]
PANELS = values(
    [{"a": (tensor(8, 3), tensor(6, 3))}, {"a": (tensor(8, 3), tensor(6, 3)), "b": (tensor(8, 4), tensor(9, 4))}],
    [{"a": (odd(tensor(8, 3)), tensor(6, 3))} for odd in kit.ODDITIES]
    + [
        {"a": (tensor(8, 3),)},
        {"a": tensor(2, 8, 3)},
        {"a": None},
        {"a": (tensor(8, 1), tensor(6, 1))},
        dict.fromkeys(range(99)),
    ],
)
CLASSES = torch.arange(8) % 2
TWO = values(
    [None, (CLASSES, CLASSES[:6])],
    [(CLASSES, CLASSES[:2]), (CLASSES,), (CLASSES, None), (CLASSES[:, None],) * 2, (-CLASSES, CLASSES)],
)
FIGURE = Figure((1, 1))
PNG = plots.showing._png(FIGURE)


class Watched:
    """Runs a function as if a person watched."""

    def __init__(self, function):
        wraps(function)(self)
        self.function = function

    def __call__(self, *arguments, **named):
        known, plots.showing.watched_by_a_person = plots.showing.watched_by_a_person, lambda: True
        try:
            return self.function(*arguments, **named)
        finally:
            plots.showing.watched_by_a_person = known


def new_axes():
    return style.new_figure(1, (3, 2))[1][0]


FIGURES = {
    "plots.curves.learning_curve": Attack(drawn(plots.learning_curve), (CURVES,), LABELS),
    "plots.curves.training_curve": Attack(drawn(plots.training_curve), (CURVES,), {**LABELS, "percent": flags()}),
    "plots.curves.compare": Attack(
        drawn(plots.compare), (ROWS,), {"title": TITLES, "xlabel": TITLES, "percent": flags()}
    ),
    "plots.curves.shares": Attack(
        drawn(plots.shares),
        (values([{"a": THREES[0]}], [{"a": three} for three in THREES] + [{n: THREES[0]} for n in ODD_NAMES]),),
        {"title": TITLES},
    ),
    "plots.curves.against": Attack(
        drawn(plots.against),
        (
            values(
                [{"a": [(A, B), (B, C)]}], [{"a": p} for p in ([], None, [(A,)], [A], [(A, 1)], "ab", [(A, ODD[1])])]
            ),
        ),
        LABELS,
    ),
    "plots.curves.hits": Attack(
        drawn(plots.hits),
        (values([{"a": PAIRS[0], "b": PAIRS[1]}], [{"a": p} for p in PAIRS] + [{n: PAIRS[0]} for n in ODD_NAMES]),),
        {**LABELS, "named": numbers(6)},
    ),
    "plots.rows.image_grid": Attack(
        drawn(plots.image_grid),
        (
            tensors(6, 3, 8, 8),
            values([list("abcdef")], [[], list("ab"), [1] * 6, *([n] * 6 for n in ODD_NAMES + FORMULAS)]),
        ),
        {"columns": numbers(3), "title": TITLES},
    ),
    "plots.rows.examples": Attack(
        drawn(plots.examples), (domains_of_pictures(), numbers(1, 2)), {"title": TITLES, "seed": numbers(0)}
    ),
    "plots.rows.two_domains": Attack(
        drawn(plots.two_domains), (PANELS,), {"names": values([("a", "b")], [("a",), ("a", 1), "ab"]), "labels": TWO}
    ),
    "plots.rows.border": Attack(drawn(plots.border), (values([FITTED], MODELS), plane(), plane())),
    "plots.tables.matrix": Attack(
        drawn(plots.matrix),
        (table_of(0.5, [*ODD, -0.1, 1.1, True]),),
        {"title": TITLES, "rows": TITLES, "columns": TITLES},
    ),
    "plots.tables.gains": Attack(drawn(plots.gains), (table_of(GAIN, GAINS),), {"title": TITLES, "columns": TITLES}),
    "plots.tables.contributions": Attack(
        drawn(plots.contributions),
        (values([list("abcdef")], [[], list("ab"), [1] * 6, *([n] * 6 for n in ODD_NAMES + FORMULAS)]), tensors(6)),
        {"title": TITLES, "meaning": values([("good", "bad")], [("a",), (1, 2), "ab", ("", "")])},
    ),
    "plots.showing.show": Attack(Watched(plots.show), (values([FIGURE], [PNG, new_axes()]), TITLES)),
    "plots.showing.picture": Attack(plots.picture, (values([FIGURE, PNG], [PNG[:10], b"", new_axes()]), TITLES)),
    "plots.showing.slider": Attack(
        Watched(plots.slider),
        (
            values([[1, 2.5], (0, 1)], [[1], [1, 1], X, ["a", "b"], [0.1, 0.1 + 1e-12], tensor(2)]),
            functions(lambda setting: FIGURE),
        ),
        {"label": TITLES, "alt": TITLES},
        examples=8,
    ),
    "plots.style.new_figure": Attack(
        style.new_figure, (numbers(2, 3), values([(3, 2.0)], [(0, 1), (1,), ("a", 1), (-1, 1), (1e300, 1)]), numbers(2))
    ),
    "plots.style.ink_on": Attack(style.ink_on, (names("#0072B2", "white"), numbers(0.5, 1))),
    "plots.style.legible": Attack(style.legible, (Kind(st.text(), st.sampled_from(FORMULAS)),)),
    "plots.style.as_percent": Attack(style.as_percent, (values([new_axes().xaxis]),)),
    "plots.style.label_ends": Attack(
        style.label_ends, (values([new_axes()]), values([{"a": 0.5, "b": 0.5}], [{"a": x} for x in X]), numbers(1.0))
    ),
    "plots.style.check_named": Attack(style.check_named, (names("rows"), values([{"a": 1}]), numbers(7))),
    "plots.style.check_curves": Attack(style.check_curves, (CURVES, names("curves"))),
    "plots.style.check_table": Attack(style.check_table, (table_of(0.5, ODD), names("rows"))),
    "plots.style.check_estimates": Attack(
        style.check_estimates, (values([[A]], [[one] for one in ODD]), names("rows"))
    ),
    "plots.style.check_numbers": Attack(style.check_numbers, (values([[1, 0.5]], [X, "ab"]), names("rows"))),
}

# ---------------------------------------------------------------- the course's map and machine


CONTENTS = [
    *("", "{", "[]", "null", '{"cells": 3}', '{"cells": [1, 2]}', '{"cells": [null, null]}', '{"cells": {"0": 1}}'),
    "[" * 10**5,
    *(
        f'{{"cells": [{{"cell_type": "markdown", "source": {source}}}]}}'
        for source in ("5", "null", '"# T"', "[1]", '["# ", "T"]')
    ),
    *(
        f'{{"cells": [{{"cell_type": "markdown", "source": "# T"}}, {{"metadata": {meta}}}]}}'
        for meta in ("5", "null", '{"tags": 1}')
    ),
    *("\ud800", b"\xff\xfe", None),
]


TEMPORARY = tempfile.TemporaryDirectory(prefix="hostile-")  # gone when the process ends


@cache
def folders():
    """Return folders of notebooks: one of the course's, those with odd contents, and none."""
    root = Path(TEMPORARY.name)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
        {
            "cell_type": "markdown",
            "metadata": {"tags": ["card"]},
            "source": "| Question | why? |\n| You will be able to | see |\n| Time | %s |\n| Before this | nothing |",
        },
    ]
    good = json.dumps({"cells": cells})
    times = ["read 8 min, run 20 s", "read 8 min", f"read {'9' * 5000} min, run 20 s", "read ٣ min, run 20 s"]
    found = []
    for number, content in enumerate([*(good.replace("%s", time) for time in times), *CONTENTS]):
        found.append(root / str(number))
        path = found[-1] / "01_lesson.ipynb"
        if content is None:
            path.mkdir(parents=True)
            continue
        found[-1].mkdir()
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return [found[0], str(found[0])], [*found[1:], root / "nowhere", found[0] / "01_lesson.ipynb", "\0", "x" * 5000]


FOLDERS = Kind(
    st.deferred(lambda: st.sampled_from(folders()[0])), st.deferred(lambda: st.sampled_from(folders()[1]) | kit.WRONG)
)
LESSON = ("01_why.ipynb", 1, "Why", "why?", "see", 8, 20, "nothing")
COURSE = {
    "course.cards": Attack(course.cards, (FOLDERS,)),
    "course.course_map": Attack(course.course_map, (FOLDERS,)),
    "course.check_machine": Attack(
        course.check_machine, (values([tl.Session(0, torch.device("cpu"), "laptop"), None]),), examples=10
    ),
    "course.Card": Attack(course.Card, [names(x) if isinstance(x, str) else numbers(x) for x in LESSON]),
    "course.processor_cores": Attack(course.processor_cores),
}

# ---------------------------------------------------------------- advice


def own(n=24, *, texts=False):
    """Return images, or texts, of two classes that can be told apart."""
    y = torch.arange(n) % 2
    x = [f"{'good' if k else 'bad'} words, row {i}" for i, k in enumerate(y.tolist())] if texts else own_pictures(n, y)
    return tl.Domain(x, y, ("a", "b"), "own")


def own_pictures(n, y):
    return (0.2 * tensor(n, 3, 16, 16).abs() + 0.6 * y.view(-1, 1, 1, 1)).clamp(0, 1)


def odd_own():
    """Return data of one's own that are odd in one way."""
    x, y = own().x, own().y
    return [
        *(tl.Domain(x, None, ("a", "b"), "unlabelled"), tl.Domain(x, y * 0, ("a", "b"), "one class")),
        *(tl.Domain(x, y * 0 - 1, ("a", "b"), "unknown"), tl.Domain(x[:2], y[:2], ("a", "b"), "two rows")),
        *(tl.Domain(x * 0, y, ("a", "b"), "constant"), tl.Domain(1e30 * x, y, ("a", "b"), "huge"), own(texts=True)),
        *(tl.Domain(x[:, :1], y, ("a", "b"), "grey"), tl.Domain(x[:, :2], y, ("a", "b"), "two colours")),
        *(tl.Domain(x[..., :1, :1], y, ("a", "b"), "tiny"), tl.Domain(x, y, ("\ud800", "\0$"), "<b>")),
        tl.Domain(x.double(), y, ("a", "b"), "d"),
        *(tl.Domain([""] * 24, y, ("a", "b"), "no words"), tl.Domain(["\ud800"] * 24, y, ("a", "b"), "no text")),
        *(tl.Domain(x.half(), y, ("a", "b"), "half"), tl.Domain(-x, y, ("a", "b"), "negative"), "nowhere"),
        *(Path("nowhere"), "\0"),
    ]


@cache
def advised():
    """Return advice on images and on texts, made once."""
    with_free = tl.Domain(own(30).x, torch.where(torch.arange(30) < 24, own(30).y, -1), ("a", "b"), "own")
    made = [
        tl.advise(data, minutes=0, encoders=[name])
        for data, name in ((with_free, "photos"), (own(texts=True), "chinese-student"))
    ]
    unwritable = dataclasses.replace(
        made[0], domain=dataclasses.replace(made[0].domain, classes=("\ud800", "$\\frac$"))
    )
    return [*made, unwritable]


ADVISED = Kind(st.deferred(lambda: st.sampled_from(advised())), kit.WRONG)


def in_new_folder(function):
    """Return a function that writes below a new folder of its own."""

    @wraps(function)
    def writing(about, folder, *others, **named):
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root) / folder if isinstance(folder, Path) else folder
            return function(about, folder, *others, **named) and None

    return writing


NEW = values([Path("new"), Path("new/below")], [Path("\0"), Path("x" * 5000), Path("/dev/null/x"), "\0"])
SHALLOW = {"examples": 6}
ADVICE = {
    "advice.advise": Attack(
        tl.advise,
        (Kind(st.just(own()), st.sampled_from(odd_own()) | domains().bad),),
        {
            "encoders": values(
                [["photos"]], [["nosuch"], [], ["raw pixels"], ["chinese-student"], ["photos", "photos"], [1], "photos"]
            ),
            "minutes": numbers(0),
            "seed": numbers(0),
        },
        examples=8,
    ),
    "advice.gap": Attack(
        advice.gap,
        (
            values([view("photos", texts=False), view("raw pixels", texts=False)]),
            Kind(st.just(own()), st.sampled_from(odd_own()) | domains().bad),
        ),
    ),
    "advice.Advice.save": Attack(in_new_folder(advice.Advice.save), (ADVISED, NEW), {"force": flags()}, **SHALLOW),
    "advice_page.as_text": Attack(advice_page.as_text, (ADVISED,)),
    "advice_page.as_html": Attack(advice_page.as_html, (ADVISED,), {"page": flags()}, **SHALLOW),
    "advice_page.save": Attack(in_new_folder(advice_page.save), (ADVISED, NEW, flags()), **SHALLOW),
    "advice_page.refuse_to_replace": Attack(advice_page.refuse_to_replace, (NEW, flags())),
    "advice_page.refuse_unwritable": Attack(advice_page.refuse_unwritable, (NEW,)),
    "advice_page.verdict": Attack(advice_page.verdict, (ADVISED,)),
    "advice_page.summary": Attack(advice_page.summary, (ADVISED,)),
    "advice_page.findings": Attack(advice_page.findings, (ADVISED,)),
    "advice_page.sentence": Attack(advice_page.sentence, (names("a text"),)),
}

# ---------------------------------------------------------------- methods and tables of notebook 16, trends of 19


def shortly(method):
    """Return a method that trains for two steps."""

    @wraps(method)
    def short(*arguments, **named):
        known, methods.STEPS = methods.STEPS, 2
        try:
            return method(*arguments, **named)
        finally:
            methods.STEPS = known

    return short


def domains_of(seed):
    """Return rows (12, 4) of three classes, four of each."""
    return tl.Domain(tensor(12, 4, seed=seed), torch.arange(12) % 3, ("a", "b", "c"), "rows")


def tensors_of_weights():
    """Return weights of 16 rows."""
    return Kind(st.just(torch.rand(16, generator=torch.Generator().manual_seed(0))), tensors(16).bad)


ROWS_16 = domains(16, 2)
SEED = numbers(0, 1)
NO_SEED = Kind(
    st.sampled_from([-1, 2**32, 0.5, None, "0", True]), st.sampled_from([-1, 2**70, 1e30, float("nan"), [0], tensor(2)])
)
METHODS = {
    f"methods.{name}": Attack(shortly(getattr(methods, name)), (ROWS_16, ROWS_16, SEED), examples=8)
    for name in (method.__name__ for method in methods.METHODS.values())
}
METHODS |= {
    "methods.trained": Attack(shortly(methods.trained), (ROWS_16, ROWS_16), {"seed": SEED}, examples=10),
    "methods.drawn": Attack(methods.drawn, (ROWS_16, tensors_of_weights(), SEED)),
    "methods.surest": Attack(methods.surest, (tensors(6, 3), numbers(0.5, 1))),
    "methods.Hidden": Attack(methods.Hidden, (numbers(3),)),
    "methods.Hidden.forward": Attack(methods.Hidden(3).forward, (tensors(6, 3),), finite=False),
    "trends.by_labels": Attack(
        trends.by_labels,
        (
            values(
                [{"a": (domains_of(0), domains_of(1))}],
                [{"a": odd} for odd in (None, (1, 2), domains_of(0), (domains_of(0),))],
            ),
            values([(1, 2)], [(0,), (99,), (), ("a",), (1.5,), 3]),
            SEED,
        ),
        examples=15,
    ),
    **{
        f"trends.{f.__name__}": Attack(f, (NO_SEED,))
        for f in (trends.few_weights, trends.clear_weather, trends.in_mist, trends.print_to_handwriting)
    },
}

NUMBERS = {"always": 0.5, **dict.fromkeys(VALIDATION, 0.4)}
PAIR = {
    "accuracy": {"source only": A, "MMD": 0.5, ALONE: B},
    "forecast": {"blind": 0.5},
    **{kind: NUMBERS for kind in ("won", "lost", "labels in training")},
}
ODD_PAIRS = [
    None,
    {},
    1,
    {"accuracy": None},
    *({**PAIR, key: odd} for key in PAIR for odd in (None, {}, dict.fromkeys(PAIR[key], float("nan")))),
]
ODD_PAIRS += [{**PAIR, "accuracy": dict.fromkeys(PAIR["accuracy"], odd)} for odd in ODD]
PAIR_KIND = values([PAIR], ODD_PAIRS)
NAMED_PAIRS = {f"{a} → {b}": PAIR for a in "abc" for b in "xy"}
RESULTS = values(
    [NAMED_PAIRS],
    [
        {"a → x": PAIR},
        {},
        {"ax": PAIR},
        {"a → b → c": PAIR},
        {1: PAIR, None: PAIR},
        *({"a → x": odd, "b → x": odd} for odd in ODD_PAIRS),
    ],
)
SCORES = values(
    [{"x": dict.fromkeys([*methods.METHODS, ALONE], A)}],
    [{"x": odd} for odd in (None, {}, A, dict.fromkeys(methods.METHODS, 1))],
)
OUTCOMES = functions(tables.source_accuracy, tables.gain_of_mmd)
GUESSES = torch.arange(12) % 3
TABLES = {
    "transfer_tables.gains_over": Attack(tables.gains_over, (names("source only", ALONE), SCORES)),
    "transfer_tables.count": Attack(tables.count, (table_of(GAIN, GAINS), names("helps"))),
    "transfer_tables.source_accuracy": Attack(tables.source_accuracy, (PAIR_KIND,)),
    "transfer_tables.gain_of_mmd": Attack(tables.gain_of_mmd, (PAIR_KIND,)),
    "transfer_tables.comparisons": Attack(tables.comparisons, (RESULTS, names("blind"), OUTCOMES)),
    "transfer_tables.hit_rate": Attack(tables.hit_rate, (RESULTS, names("blind"), OUTCOMES)),
    "transfer_tables.policies": Attack(tables.policies, (RESULTS,)),
    "transfer_tables.saved_and_cost": Attack(tables.saved_and_cost, (RESULTS, numbers(VALIDATION[0]))),
    "transfer_tables.elects_worse": Attack(
        tables.elects_worse,
        (
            values(
                [{"new": GUESSES, "alone": GUESSES.flip(0)}],
                [{"a": GUESSES}, {"a": GUESSES, "b": None}, {"a": GUESSES, "b": GUESSES[:3]}],
            ),
            kit.class_numbers(12, 3),
            numbers(3, 12),
            numbers(5),
        ),
    ),
}
ATTACKS = {**FIGURES, **COURSE, **ADVICE, **METHODS, **TABLES}
EXEMPT = {
    "advice.Advice": "made by advise alone, from findings",
}
