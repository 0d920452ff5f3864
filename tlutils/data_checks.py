"""What can be wrong with labelled data before any model sees them: copies, few or uneven classes, leaks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional as F

from tlutils.domains import UNLABELLED, Domain, together
from tlutils.inputs import checked
from tlutils.own_rows import LISTED, OwnData, Remark, counted
from tlutils.tensors import found

SAME = 0.012  # root mean square of the difference of two thumbnails; saving a photograph again changes .002 to .006
FEW, UNEVEN = 10, 10  # examples of a class; ratio of the largest class to the smallest
TOLD = 0.9  # share of the way from guessing to certainty at which a trifle counts as giving the label away
CELLS = 8  # an image is looked at in 8 × 8 cells
FOLDS = 3


@checked
def check_data(own: OwnData) -> list[Remark]:
    """Return a remark for everything suspicious about labelled data.

    Raises ValueError for data without class labels, places or facts of other rows, and images as `copies` does.
    Source of the questions asked: Gebru et al. (2021), arXiv:1803.09010. Taught in notebook 20.
    """
    _check_part(own.domain, own.places)
    _check_part(own.test, own.test_places)
    if own.facts is not None and own.facts.shape != (len(own.domain), 3):
        raise ValueError(f"facts must have the shape ({len(own.domain)}, 3), got {tuple(own.facts.shape)}")
    places = (*own.places, *own.test_places)
    return [*_classes(own.domain), *_copies(own.domain, own.test, places), *_leaks(own.domain, own.facts)]


def _check_part(part: Domain | None, places: Sequence[str]) -> None:
    if part is not None and (part.has_values or not part.known.any()):
        raise ValueError(f"{part.name}: the checks compare the inputs with class labels, and there are none")
    if len(places) != (0 if part is None else len(part)):
        raise ValueError(f"there must be one place for each row, got {len(places)} for {part!r}")


@checked
def copies(x: Tensor | Sequence[str]) -> Tensor:
    """Return a group number (n,) for each image or text: copies of one another share theirs.

    Images (n, 3, h, w) count as copies when their thumbnails of 16 × 16 pixels are all but equal, so that one
    saved again at another size is found; texts when they differ in nothing but case, spaces and signs.
    Raises ValueError for no rows, and for images of another shape or beyond [0, 1].
    """
    if not isinstance(x, Tensor):
        if len(x) == 0:
            raise ValueError("copies are looked for among images or texts, and there are none")
        seen: dict[str, int] = {}
        plain = ("".join(re.findall(r"\w+", text.casefold())) or text for text in x)
        return torch.tensor([seen.setdefault(text, len(seen)) for text in plain])
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    small = thumbnails(x)
    squares, bound = small.square().sum(1), SAME**2 * small.shape[1]
    pairs = []
    for first in range(0, len(small), 1024):  # a block of the n × n distances at a time
        block = slice(first, first + 1024)
        gaps = squares[block, None] + squares - 2 * small[block] @ small.T
        pairs.append((gaps < bound).nonzero() + torch.tensor([first, 0]))
    left, right = torch.cat(pairs).T.numpy()
    links = csr_matrix(([True] * len(left), (left, right)), shape=(len(small),) * 2)
    return torch.from_numpy(connected_components(links, directed=False)[1]).long()


@checked
def thumbnails(x: Tensor) -> Tensor:
    """Return images (n, c, h, w) as 16 × 16 pixels, flat and centred on grey: (n, c · 256).

    Raises ValueError for tensors of another form, and for values outside [0, 1].
    """
    if x.ndim != 4 or not x.is_floating_point() or not x.numel():
        raise ValueError(f"images must be a float tensor (n, c, h, w), got {found(x)}")
    low, high = map(float, x.aminmax())
    if not (low >= 0 and high <= 1):  # NaN fails every comparison
        raise ValueError(f"images must lie in [0, 1], these run from {low:.3g} to {high:.3g}: scale them first")
    return F.adaptive_avg_pool2d(x, 16).flatten(1) - 0.5


def _classes(domain: Domain) -> list[Remark]:
    counts = dict(
        zip(domain.classes, torch.bincount(domain.y[domain.known], minlength=len(domain.classes)).tolist(), strict=True)
    )
    least, most = min(counts, key=counts.get), max(counts, key=counts.get)
    remarks = []
    if counts[least] < FEW:
        few = [f"{name!r} ({count})" for name, count in counts.items() if count < FEW]
        remarks.append(
            Remark(
                f"fewer than {FEW} examples in {len(few)} of {len(counts)} classes: {', '.join(few[:LISTED])}",
                "label more of these first; what is said about them below is little more than a guess",
            )
        )
    if counts[most] > UNEVEN * max(1, counts[least]):
        remarks.append(
            Remark(
                f"the classes are uneven: {counts[most]:,} of {most!r}, {counts[least]:,} of {least!r}",
                "look at the balanced accuracy; plain accuracy can be high without the rare class",
            )
        )
    return remarks


def _copies(domain: Domain, test: Domain | None, places: Sequence[str]) -> list[Remark]:
    group = copies(domain.x if test is None else together([domain.x, test.x]))
    y = domain.y if test is None else torch.cat([domain.y, test.y])
    members: dict[int, list[int]] = defaultdict(list)
    for row, number in enumerate(group.tolist()):
        members[number].append(row)
    repeated = [rows for rows in members.values() if len(rows) > 1]
    torn = [rows for rows in repeated if len({label for label in y[rows].tolist() if label != UNLABELLED}) > 1]
    across = [rows for rows in repeated if rows[0] < len(domain) <= rows[-1]]
    found = [
        (
            repeated,
            f"{counted(sum(map(len, repeated)), 'row')} are copies of one another",
            "remove the copies; here they were kept on one side of every split",
        ),
        (
            torn,
            f"{counted(len(torn), 'group')} of copies with more than one label",
            "decide which is right; until then one of each group must count as a mistake",
        ),
        (
            across,
            f"{counted(len(across), 'group')} of copies both in the test part and in the rest",
            "remove them from one side; here they were left out of the training",
        ),
    ]
    return [Remark(f"{what}: {_shown(rows, places)}", fix) for rows, what, fix in found if rows]


def _shown(groups: Sequence[Sequence[int]], places: Sequence[str]) -> str:
    shown = [
        "{" + ", ".join(places[row] for row in rows[:3]) + (", …" if len(rows) > 3 else "") + "}" for rows in groups[:3]
    ]
    return " ".join(shown) + (f" and {len(groups) - 3} more" if len(groups) > 3 else "")


def _leaks(domain: Domain, facts: Tensor | None) -> list[Remark]:
    """Look for what gives the label away without being the thing itself."""
    known = domain.known
    y = domain.y[known]
    if torch.bincount(y).min() < FOLDS:
        return []
    if not isinstance(domain.x, Tensor):
        return _telling_words([text for text, k in zip(domain.x, known.tolist(), strict=True) if k], y, domain.classes)
    remarks = []
    if facts is not None and (told := _told_by(facts[None, known].float(), y)[0, 0]) > TOLD:
        what = f"width, height and bytes of the files alone tell the classes apart ({told:.0%} of the way)"
        fix = "they were probably collected in different ways: bring all to one size and format, look for other traces"
        remarks.append(Remark(what, fix))
    cells = F.adaptive_avg_pool2d(domain.x[known], CELLS).flatten(2)
    if found := _told(_told_by(cells.permute(2, 0, 1).contiguous(), y), domain.classes):
        row, column = divmod(found[0], CELLS)
        where = f"{('top', 'middle', 'bottom')[row * 3 // CELLS]} {('left', 'centre', 'right')[column * 3 // CELLS]}"
        what = f"the colour of a small square, {where}, tells {found[1]}"
        fix = "look for a mark, a frame or a lamp there and cut it off: a model would learn that and nothing else"
        remarks.append(Remark(what, fix))
    return remarks


def _told(shares: Tensor, classes: Sequence[str]) -> tuple[int, str] | None:
    """Return the cell, and what it tells apart, where one of the cells' shares (cells, 1 + k) is suspicious.

    A single class counts only where most other cells do not tell it too: a class that is darker than the others
    all over needs no leak for that.
    """
    whole, each = shares[:, 0], shares[:, 1:]
    if whole.max() > TOLD:
        return int(whole.argmax()), f"the classes apart ({whole.max():.0%} of the way)"
    each = each * (each.median(0).values < TOLD / 2)
    cell, name = divmod(int(each.argmax()), each.shape[1])
    if each[cell, name] <= TOLD:
        return None
    return cell, f"{classes[name]!r} from the other classes ({each[cell, name]:.0%} of the way)"


def _told_by(tables: Tensor, y: Tensor) -> Tensor:
    """Return how well a small tree tells classes y (n,) from a few numbers (t, n, d): 0 guesses, 1 is certain.

    The first share (t, 1 + k) is that of all classes, the others are those of each class against the rest: of its
    rows, the share found, less the share of the other rows taken for it (Youden 1950).
    """
    from sklearn.model_selection import StratifiedKFold
    from sklearn.tree import DecisionTreeClassifier

    sizes = torch.bincount(y).double()
    weights, labels, arrays, k = (1 / sizes)[y].numpy(), y.numpy(), tables.numpy(), len(sizes)
    tree = DecisionTreeClassifier(max_leaf_nodes=4 * k, random_state=0)
    counts = torch.zeros(len(tables), k, k, dtype=torch.float64)
    for rows, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels):
        for table, count in zip(arrays, counts, strict=True):
            guess = torch.from_numpy(tree.fit(table[rows], labels[rows], weights[rows]).predict(table[held_out]))
            count.index_put_((y[held_out], guess), torch.ones(1).double(), accumulate=True)
    found = counts.diagonal(dim1=1, dim2=2)
    each = found / sizes - (counts.sum(1) - found) / (len(y) - sizes)
    return torch.cat([((found / sizes).mean(1, keepdim=True) - 1 / k) / (1 - 1 / k), each], 1)


def _telling_words(texts: Sequence[str], y: Tensor, classes: Sequence[str]) -> list[Remark]:
    """Look for classes of which one word says almost everything: it is in most of their texts and in no others."""
    words = [frozenset(re.findall(r"\w+", text.casefold())) for text in texts]
    anywhere = Counter(chain.from_iterable(words))
    told = []
    for number, name in enumerate(classes):
        rows = (y == number).nonzero().squeeze(1).tolist()
        inside, others = Counter(chain.from_iterable(words[row] for row in rows)), len(words) - len(rows)
        found = {
            word: 2 * count / (anywhere[word] + len(rows))  # F1
            for word, count in inside.items()
            if anywhere[word] - count < (1 - TOLD) * others
        }
        best = max(found, key=found.get, default=None)
        if best is not None and found[best] > TOLD:
            told.append(f"{best!r} tells {name!r}")
    if not told:
        return []
    return [
        Remark(
            f"one word gives the label away: {', '.join(told[:LISTED])}",
            "is the label written into the text, or a wrong column taken? Remove it: new texts will not have it",
        )
    ]
