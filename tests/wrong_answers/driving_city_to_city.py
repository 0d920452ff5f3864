"""Answers that readers of exercises 15 are known to give, and words of the hint that each should get."""

COUNTED = """
            def reach(source, target, edges):
                bins = len(edges) + 1
                places, wanted = torch.bucketize(source, edges), torch.bucketize(target, edges)
                have = torch.bincount(places, minlength=bins) / len(source)
                need = torch.bincount(wanted, minlength=bins) / len(target)
                w = (need / have)[places]
                worth = tl.effective_size(w)
                missed = need[have == 0].sum().item()
"""

WRONG = {
    "reach_of_weights": [
        (
            COUNTED
            + """
                w = (have / need)[places]
                w[w.isinf()] = 0
                return tl.effective_size(w), missed
            """,
            "stands on top",
        ),
        (COUNTED + "                return tl.effective_size(need[places]), missed", "counted twice"),
        (COUNTED + "                return worth / len(source), missed", "Their number is asked for"),
        (COUNTED + "                return (w > 0).sum(), missed", "drawn nearly always"),
        (COUNTED + "                return worth, have[need == 0].sum()", "Who misses what"),
        (COUNTED + "                return worth, ((have == 0) & (need > 0)).sum() / bins", "counts bins"),
        (COUNTED + "                return worth, missed * len(target)", "Of how many"),
        (
            COUNTED
            + """
                w = (need / have)[have > 0]
                return tl.effective_size(w), missed
            """,
            "How many frames carry",
        ),
        (COUNTED + "                return missed, worth", "comes first"),
        (COUNTED + "                return worth", "2 values are asked for"),
    ],
    "remedy_for_each_city": [
        ("remedies = dict.fromkeys(('north', 'east', 'south', 'west'), 'match')", "how often people turn"),
        ("remedies = {'north': 'match', 'east': 'draw', 'south': 'draw', 'west': 'label'}", "What is there to repeat"),
        ("remedies = {'north': 'match', 'east': 'draw', 'south': 'mirror', 'west': 'match'}", "cannot be seen"),
        ("remedies = dict.fromkeys(('north', 'east', 'south', 'west'), 'label')", "they cost a drive"),
        ("remedies = {'north': 'mmd', 'east': 'draw', 'south': 'mirror', 'west': 'label'}", "is none of"),
    ],
    "weight_for_a_new_city": [
        ("honest = cheating", "it would not be new"),
        (
            """
            def honest(laps, new):
                mean = lambda values: sum(values) / len(values)
                return max(laps, key=lambda w: mean([mean(drives) for drives in laps[w].values()]))
            """,
            "still takes part",
        ),
        (
            """
            def honest(laps, new):
                mean = lambda values: sum(values) / len(values)
                known = lambda cities: [lap for city in cities if city != new for lap in cities[city]]
                return max(laps, key=lambda w: mean(known(laps[w])))
            """,
            "Which mean comes first",
        ),
        (
            """
            def honest(laps, new):
                mean = lambda values: sum(values) / len(values)
                return max(laps, key=lambda w: min(mean(d) for city, d in laps[w].items() if city != new))
            """,
            "worst city",
        ),
        (
            """
            def honest(laps, new):
                mean = lambda values: sum(values) / len(values)
                return max(mean([mean(d) for city, d in laps[w].items() if city != new]) for w in laps)
            """,
            "the weight itself",
        ),
        ("def honest(laps, new): return 1.0", "Where to look"),
    ],
}
