"""Answers that readers of exercises 05 are known to give, and words of the hint that each should get."""

TABLE = """
def accuracy_of_groups(groups, labels):
    from scipy.optimize import linear_sum_assignment
    table = torch.stack(
        [torch.stack([((groups == g) & (labels == c)).sum() for c in labels.unique()]) for g in groups.unique()]
    )
    return {} / len(labels)
"""

CHOICE = """
def stable_choice(groupings):
    def largest(run):
        return run.bincount().max() / len(run)
    return careless({{name: runs for name, runs in groupings.items() if {}}})
"""

WRONG = {
    "accuracy_of_groups": [
        (TABLE.format("table.max(1).values.sum()"), "two groups may take the same one"),
        (TABLE.format("table.max(0).values.sum()"), "one group for all rows would be perfect"),
        (TABLE.format("table[linear_sum_assignment(table)].sum()"), "fewest rows agree"),
        (
            TABLE.format(
                "len(labels) * (lambda i, j: table[i, j].sum() / table[i].sum())(*linear_sum_assignment(-table))"
            ),
            "left over are missing",
        ),
        (
            """
            def accuracy_of_groups(groups, labels):
                pairs = torch.stack([groups, labels], dim=1).tolist()
                counts = sorted(((pairs.count([g, c]), g, c) for g in set(groups.tolist())
                                 for c in set(labels.tolist())), reverse=True)
                total, taken = 0, set()
                for count, g, c in counts:
                    if not {("g", g), ("c", c)} & taken:
                        total += count
                        taken |= {("g", g), ("c", c)}
                return total / len(labels)
            """,
            "what it blocks",
        ),
        ("def accuracy_of_groups(groups, labels): return (groups == labels).float().mean()", "is chance"),
        (
            """
            def accuracy_of_groups(groups, labels):
                table = torch.zeros(len(groups.unique()), len(labels.unique()))
                for g, c in zip(groups, labels):
                    table[g, c] += 1
                return table.max().item()
            """,
            "stopped for numbers with gaps",
        ),
    ],
    "loss_of_agreeing_views": [
        ("loss = 0", "what do the rivals score"),
        ("loss = math.log(7)", "blind guess"),
        ("loss = math.log(2 + 6 * math.exp(-2))", "compared with itself"),
        ("loss = math.log(1 + 3 * math.exp(-2))", "all the other views"),
        ("loss = math.log(1 + 6 * math.exp(-1))", "temperature of 1"),
        ("loss = tl.contrastive_loss(torch.eye(4), torch.eye(4))", "too low"),
    ],
    "stable_choice": [
        ("stable_choice = careless", "agree perfectly"),
        (CHOICE.format("all(len(run.unique()) > 1 for run in runs)"), "a few strays"),
        (CHOICE.format("largest(runs[0]) <= 0.5"), "Which runs do you look at"),
        (CHOICE.format("all(largest(run) < 0.5 for run in runs)"), "as much as half"),
        (
            """
            def stable_choice(groupings):
                def agree(runs):
                    return sum((a == b).float().mean().item() for i, a in enumerate(runs) for b in runs[:i])
                sound = {n: r for n, r in groupings.items() if max(run.bincount().max() for run in r) <= len(r[0]) / 2}
                return tl.choose({name: agree(runs) for name, runs in sound.items()})
            """,
            "number them otherwise",
        ),
        (
            """
            def stable_choice(groupings):
                sound = {n: r for n, r in groupings.items() if max(run.bincount().max() for run in r) <= len(r[0]) / 2}
                return careless({name: runs[:2] for name, runs in sound.items()})
            """,
            "Which pairs of runs count",
        ),
    ],
}
