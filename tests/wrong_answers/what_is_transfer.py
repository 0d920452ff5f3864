"""Answers that readers of exercises 02 are known to give, and words of the hint that each should get."""

WRONG = {
    "kinds_of_shift": [
        ("kinds = {'A': 'none', 'B': 'label', 'C': 'none', 'D': 'covariate'}", "inputs alone"),
        ("kinds = {'A': 'label', 'B': 'label', 'C': 'none', 'D': 'label'}", "inputs follow too"),
        ("kinds = {'A': 'concept', 'B': 'covariate', 'C': 'none', 'D': 'covariate'}", "taken by themselves"),
        ("kinds = {'A': 'concept', 'B': 'label', 'C': 'covariate', 'D': 'covariate'}", "two halves of one sample"),
        ("kinds = {'A': 'concept', 'B': 'label', 'C': 'none', 'D': 'label'}", "inputs of one class"),
        ("kinds = {'A': 'concept'}", "keys A, B, C, D"),
    ],
    "accuracy_under_label_shift": [
        ("def accuracy_abroad(confusion, shares): return confusion.trace() / confusion.sum()", "accuracy at home"),
        (
            "def accuracy_abroad(confusion, shares): return (shares * confusion.diag() / confusion.sum(0)).nansum()",
            "of the named, or of the true",
        ),
        (
            "def accuracy_abroad(confusion, shares): return (confusion.diag() / confusion.sum(1)).nanmean()",
            "each class counts the same",
        ),
        (
            "def accuracy_abroad(confusion, shares): return (shares * confusion.diag()).sum() / confusion.sum()",
            "mix at home is still inside",
        ),
        (
            "def accuracy_abroad(confusion, shares): return (shares * confusion.diag() / confusion.sum(1)).sum()",
            "that is not finite",
        ),
    ],
    "break_even_share": [
        ("share = 0.095 / 0.55", "for one healthy"),
        ("share = 0.55 / 0.645", "took for the ill"),
        ("share = 0.05", "at home"),
        ("share = 0.5", "into both accuracies"),
        ("share = 14.7", "in per cent"),
        ("share = 'never'", "one number"),
    ],
}
