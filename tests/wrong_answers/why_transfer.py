"""Answers that readers of exercises 01 are known to give, and words of the hint that each should get."""

WRONG = {
    "paired_interval": [
        (
            """
            def interval(a, b):
                both = stats.ttest_ind(a, b).confidence_interval(0.95)
                return both.low, both.high
            """,
            "nothing to do with each other",
        ),
        (
            """
            def interval(a, b):
                d = torch.tensor(a).double() - torch.tensor(b).double()
                half = 1.96 * d.std() / len(d) ** 0.5
                return d.mean() - half, d.mean() + half
            """,
            "a spread that is known",
        ),
        (
            """
            def interval(a, b):
                d = torch.tensor(a).double() - torch.tensor(b).double()
                half = stats.t.ppf(0.95, len(d) - 1) * d.std() / len(d) ** 0.5
                return d.mean() - half, d.mean() + half
            """,
            "covers 90 %",
        ),
        (
            """
            def interval(a, b):
                d = torch.tensor(a).double() - torch.tensor(b).double()
                half = stats.t.ppf(0.975, len(d) - 1) * d.std()
                return d.mean() - half, d.mean() + half
            """,
            "a single further run",
        ),
        (
            """
            def interval(a, b):
                d = torch.tensor(a).double() - torch.tensor(b).double()
                half = stats.t.ppf(0.975, len(d) - 1) * d.std(unbiased=False) / len(d) ** 0.5
                return d.mean() - half, d.mean() + half
            """,
            "fitted to the same runs",
        ),
        (
            """
            def interval(a, b):
                d = torch.tensor(a).double() - torch.tensor(b).double()
                half = stats.t.ppf(0.975, len(d)) * d.std() / len(d) ** 0.5
                return d.mean() - half, d.mean() + half
            """,
            "free to vary",
        ),
        (
            """
            def interval(a, b):
                d = torch.tensor(a).double() - torch.tensor(b).double()
                half = stats.t.ppf(0.025, len(d) - 1) * d.std() / len(d) ** 0.5
                return d.mean() - half, d.mean() + half
            """,
            "in the wrong order",
        ),
        ("def interval(a, b): d = [x - y for x, y in zip(a, b)]; return min(d), max(d)", "range of the single"),
        ("def interval(a, b): e = tl.Estimate(b) - tl.Estimate(a); return e.low, e.high", "turned round"),
        ("def interval(a, b): return sum(a) / len(a) - sum(b) / len(b)", "shape (2,)"),
    ],
    "standing_conclusions": [
        ("stands = {'a', 'b', 'c'}", "look at b again"),
        ("stands = {'a'}", "another question"),
        ("stands = ['a', 'c', 'd']", "about their difference"),
        ("stands = 'a, c, e'", "showing that there is nothing"),
        ("stands = 3", "set of letters"),
    ],
    "unseen_photographs": [
        (
            """
            def few_and_unseen(y, photo, per_class, seed):
                draw = torch.Generator().manual_seed(seed)
                rows = [(y == c).nonzero().flatten() for c in y.unique()]
                few = torch.cat([r[torch.randperm(len(r), generator=draw)[:per_class]] for r in rows])
                return few, torch.arange(len(y))
            """,
            "know them by heart",
        ),
        (
            """
            def few_and_unseen(y, photo, per_class, seed):
                draw = torch.Generator().manual_seed(seed)
                rows = [(y == c).nonzero().flatten() for c in y.unique()]
                few = torch.cat([r[torch.randperm(len(r), generator=draw)[:per_class]] for r in rows])
                unseen = torch.ones(len(y), dtype=torch.bool)
                unseen[few] = False
                return few, unseen
            """,
            "but a photograph is",
        ),
        (
            """
            def few_and_unseen(y, photo, per_class, seed):
                draw = torch.Generator().manual_seed(seed)
                rows = [(y == c).nonzero().flatten() for c in y.unique()]
                few = torch.cat([r[torch.randperm(len(r), generator=draw)[:per_class]] for r in rows])
                return few, ~torch.isin(photo, photo[few])
            """,
            "divided first",
        ),
        (
            """
            def few_and_unseen(y, photo, per_class, seed):
                few, unseen = [], []
                for c in y.unique():
                    photos = photo[y == c].unique()
                    learn = torch.isin(photo, photos[: len(photos) // 2])
                    few.append((learn & (y == c)).nonzero().flatten()[:per_class])
                    unseen.append((~learn & (y == c)).nonzero().flatten())
                return torch.cat(few), torch.cat(unseen)
            """,
            "six seeds draw the same",
        ),
        (
            """
            def few_and_unseen(y, photo, per_class, seed):
                draw = torch.Generator().manual_seed(seed)
                photos = photo.unique()[torch.randperm(len(photo.unique()), generator=draw)]
                learn = torch.isin(photo, photos[: len(photos) // 2])
                rows = learn.nonzero().flatten()
                return rows[torch.randperm(len(rows), generator=draw)[:per_class]], ~learn
            """,
            "per class are to be learnt from",
        ),
    ],
}
