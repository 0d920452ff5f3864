"""Answers that readers of exercises 20 are known to give, and words of the hint that each should get."""

WRONG = {
    "copies_in_the_mirror": [
        (
            """
            def copied(train, test):
                apart = torch.cdist(test.flatten(1), train.flatten(1)) / train[0].numel() ** 0.5
                return (apart.min(1).values <= 0.012).nonzero().squeeze(1)
            """,
            "as it does in the lesson",
        ),
        (
            """
            def copied(train, test):
                known = torch.cat([train, train.flip(3)])
                return [i for i, x in enumerate(test) if any(torch.equal(x, other) for other in known)]
            """,
            "saved again are not found",
        ),
        (
            """
            def copied(train, test):
                known = torch.cat([train, train.flip(2)]).flatten(1)
                apart = torch.cdist(test.flatten(1), known) / known.shape[1] ** 0.5
                return (apart.min(1).values <= 0.012).nonzero().squeeze(1)
            """,
            "on their heads",
        ),
        (
            """
            def copied(train, test):
                known = torch.cat([train, train.flip(3)]).flatten(1)
                apart = torch.cdist(test.flatten(1), known) / known.shape[1] ** 0.5
                return (apart.min(0).values <= 0.012).nonzero().squeeze(1) % len(train)
            """,
            "Where to look",
        ),
        (
            """
            def copied(train, test):
                known = torch.cat([train, test, train.flip(3)]).flatten(1)
                apart = torch.cdist(test.flatten(1), known) / known.shape[1] ** 0.5
                return (apart.min(1).values <= 0.012).nonzero().squeeze(1)
            """,
            "copy of itself",
        ),
        (
            """
            def copied(train, test):
                near = lambda a, b: (a - b).square().mean().sqrt() <= 0.012
                pairs = list(zip(train, test))
                return [i for i, (a, b) in enumerate(pairs) if near(a, b) or near(a.flip(2), b)]
            """,
            "anywhere in the other part",
        ),
        (
            """
            def copied(train, test):
                small = lambda x: torch.nn.functional.adaptive_avg_pool2d(x, 16).flatten(1)
                known = torch.cat([small(train), small(train.flip(3))])
                apart = torch.cdist(small(test), known) / known.shape[1] ** 0.5
                return (apart.min(1).values <= 0.012).nonzero().squeeze(1)
            """,
            "fine lines",
        ),
        (
            """
            def copied(train, test):
                known = torch.cat([train, train.flip(3)])
                apart = (test[:, None] - known).abs().flatten(2).mean(2)
                return (apart.min(1).values <= 0.012).nonzero().squeeze(1)
            """,
            "small spot",
        ),
        (
            """
            def copied(train, test):
                known = torch.cat([train, train.flip(3)]).flatten(1)
                apart = torch.cdist(test.flatten(1), known) / known.shape[1] ** 0.5
                return (apart <= 0.012).nonzero()[:, 0]
            """,
            "holds twice",
        ),
    ],
    "accuracy_on_new_photographs": [
        ("on_new_photographs = flattering", "only the row itself"),
        (
            """
            def on_new_photographs(f, y, photograph):
                return (y[torch.cdist(f, f).argmin(1)] == y).float().mean()
            """,
            "its own nearest neighbour",
        ),
        (
            "def on_new_photographs(f, y, photograph): return on_other(f, y, y)\n"
            + """
def on_other(f, y, group):
    apart = torch.cdist(f, f).masked_fill(group[:, None] == group, torch.inf)
    return (y[apart.argmin(1)] == y).float().mean()
""",
            "nothing can be right",
        ),
        (
            """
            def on_new_photographs(f, y, photograph):
                apart = torch.cdist(f, f).masked_fill(photograph[:, None] == photograph, torch.inf)
                hit = (y[apart.argmin(1)] == y).float()
                return torch.stack([hit[photograph == p].mean() for p in photograph.unique()]).mean()
            """,
            "mean over photographs",
        ),
        (
            """
            def on_new_photographs(f, y, photograph):
                apart = torch.cdist(f, f).masked_fill(photograph[:, None] == photograph, torch.inf)
                return (y[apart.argmin(1)] != y).float().mean()
            """,
            "share of mistakes",
        ),
        ("def on_new_photographs(f, y, photograph): return 0.5", "Where to look"),
    ],
    "which_conclusions_stand": [
        ("stands = dict.fromkeys('ABCDE', True)", "40 heads"),
        ("stands = dict.fromkeys('ABCDE', False)", "How do those ten fall"),
        ("stands = dict(A=True, B=False, C=True, D=False, E=True)", "decided independently"),
        ("stands = dict(A=True, B=False, C=False, D=True, E=True)", "known from the training"),
        ("stands = dict(A=True, B=False, C=False, D=False, E=False)", "all of them fall on one side"),
        ("stands = 'A and E'", "is asked for"),
        ("stands = dict.fromkeys('ABCDE', 'perhaps')", "none of"),
    ],
}
