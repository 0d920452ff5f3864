"""Answers that readers of exercises 18 are known to give, and words of the hint that each should get."""

WRONG = {
    "cka_of_two_layers": [
        ("alike = shift_sees", "a shift still shows"),
        ("def alike(a, b): return shift_sees(a - a.mean(), b - b.mean())", "feature to feature"),
        (
            "def alike(a, b): return shift_sees(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True))",
            "own mean is taken off",
        ),
        (
            """
            def alike(a, b):
                k, m = a @ a.T, b @ b.T
                return shift_free(k - k.mean(), m - m.mean())

            def shift_free(k, m):
                return (k * m).sum() / (k.norm() * m.norm())
            """,
            "entries of the table are centred",
        ),
        (
            """
            def alike(a, b):
                return shift_sees((a - a.mean(0)) / a.std(0), (b - b.mean(0)) / b.std(0))
            """,
            "its own spread",
        ),
        ("def alike(a, b): return tl.cka(a, b)", "debiased estimate"),
        ("def alike(a, b): return shift_sees(a - a.mean(0), b - b.mean(0)) ** 2", "square too many"),
        ("def alike(a, b): return shift_sees(a - a.mean(0), b - b.mean(0)).sqrt()", "root too many"),
        ("def alike(a, b): return (a - b).norm()", "stopped"),
        ("def alike(a, b): return 1.0", "Where to look"),
    ],
    "excess_of_a_spot": [
        (
            """
            def excess(maps, rows, columns):
                maps = maps.clamp(min=0)
                spot = maps[:, rows, columns]
                return spot.sum() / maps.sum() - spot.numel() / maps.numel()
            """,
            "outweighs all others",
        ),
        (
            """
            def excess(maps, rows, columns):
                maps = maps.abs()
                maps = maps[maps.sum((1, 2)) > 0]
                spot = maps[:, rows, columns]
                return (spot.sum((1, 2)) / maps.sum((1, 2))).mean() - spot.numel() / maps.numel()
            """,
            "as if it spoke for it",
        ),
        (
            """
            def excess(maps, rows, columns):
                maps = maps.clamp(min=0)
                spot = maps[:, rows, columns]
                return (spot.sum((1, 2)) / maps.sum((1, 2))).mean() - spot.numel() / maps.numel()
            """,
            "not finite",
        ),
        (
            """
            def excess(maps, rows, columns):
                maps = maps.clamp(min=0)
                spot = maps[:, rows, columns]
                shares = spot.sum((1, 2)) / maps.sum((1, 2)).clamp(min=1e-9)
                return shares.mean() - spot.numel() / maps.numel()
            """,
            "without attribution have a share",
        ),
        (
            """
            def excess(maps, rows, columns):
                maps = maps.clamp(min=0)
                maps = maps[maps.sum((1, 2)) > 0]
                return (maps[:, rows, columns].sum((1, 2)) / maps.sum((1, 2))).mean()
            """,
            "the area is missing",
        ),
        (
            """
            def excess(maps, rows, columns):
                maps = maps.clamp(min=0)
                maps = maps[maps.sum((1, 2)) > 0]
                spot = maps[:, rows, columns]
                return (spot.sum((1, 2)) / maps.sum((1, 2))).mean() / (spot.numel() / maps.numel())
            """,
            "how many times its area",
        ),
        ("def excess(maps, rows, columns): return 0.25", "Where to look"),
    ],
    "five_maps_two_tests": [
        ("judged = dict.fromkeys(methods, 'useful')", "how much of it is left"),
        ("judged = dict.fromkeys(methods, 'picture')", "take absolute values"),
        ("judged = dict.fromkeys(methods, 'useless')", "highest values first"),
        (
            """
            judged = dict.fromkeys(methods, "picture")
            judged |= {"times input": "useful", "unsigned gradient": "useful", "by lot": "useless"}
            """,
            "does not make it good",
        ),
        (
            """
            judged = dict.fromkeys(methods, "picture")
            judged |= {"times input": "useful", "unsigned gradient": "useless", "by lot": "useful"}
            """,
            "what always changes",
        ),
        (
            """
            judged = dict.fromkeys(methods, "useless")
            judged |= {"times input": "useful", "times input, unsigned": "picture"}
            """,
            "the first test comes first",
        ),
        ("judged = dict.fromkeys(methods, 'good')", "none of"),
        ("judged = 'useful'", "is asked for"),
    ],
}
