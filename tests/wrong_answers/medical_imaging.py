"""Answers that readers of exercises 11 are known to give, and words of the hint that each should get."""

WRONG = {
    "best_sensitivity": [
        (
            """
            def best_sensitivity(scores, labels, specificity):
                threshold = scores.quantile(specificity)
                return (scores[labels == 1] > threshold).double().mean()
            """,
            "among all rows",
        ),
        (
            """
            def best_sensitivity(scores, labels, specificity):
                threshold = torch.quantile(scores[labels == 0], specificity)
                return (scores[labels == 1] > threshold).double().mean().item()
            """,
            "was interpolated",
        ),
        (
            """
            def best_sensitivity(scores, labels, specificity):
                threshold = torch.quantile(scores[labels == 0], specificity, interpolation="higher")
                return (scores[labels == 1] > threshold).double().mean().item()
            """,
            "a lower threshold",
        ),
        (
            """
            def best_sensitivity(scores, labels, specificity):
                threshold = tl.metrics.threshold_for(specificity, scores, labels)
                return (scores[labels == 1] >= threshold).double().mean()
            """,
            "equal the threshold",
        ),
        (
            """
            def best_sensitivity(scores, labels, specificity):
                return tl.metrics.threshold_for(specificity, scores, labels)
            """,
            "that is the threshold",
        ),
        (
            """
            def best_sensitivity(scores, labels, specificity):
                threshold = tl.metrics.threshold_for(specificity, scores, labels)
                return ((scores > threshold) == labels.bool()).double().mean()
            """,
            "an accuracy",
        ),
        (
            """
            def best_sensitivity(scores, labels, specificity):
                best = 0
                for threshold in torch.linspace(0, 1, 101):
                    if tl.metrics.specificity(scores, labels, threshold.item()) >= specificity:
                        best = max(best, tl.metrics.sensitivity(scores, labels, threshold.item()))
                return best
            """,
            "Where to look",
        ),
    ],
    "true_alarms": [
        ("true_alarms = 0.9", "how large are the two groups"),
        ("true_alarms = 0.01 * 0.9", "a share of the alarms"),
        ("true_alarms = 0.01", "not just anybody"),
        ("true_alarms = 9 / 99", "for each false one"),
        ("true_alarms = 0.3", "too high"),
    ],
    "split_by_patient": [
        ("honest = cheating", "in both parts"),
        (
            """
            def honest(patient, share, seed):
                order = patient.argsort()
                held_out = round(share * len(patient))
                return order[held_out:], order[:held_out]
            """,
            "in both parts",
        ),
        (
            """
            def honest(patient, share, seed):
                train, test = cheating(patient, share, seed)
                return train[~torch.isin(patient[train], patient[test])], test
            """,
            "not every row",
        ),
        (
            """
            def honest(patient, share, seed):
                people = patient.unique()
                held_out = min(max(round(share * len(people)), 1), len(people) - 1)
                in_test = torch.isin(patient, people[:held_out])
                return torch.where(~in_test)[0], torch.where(in_test)[0]
            """,
            "do with the seed",
        ),
        (
            """
            def honest(patient, share, seed):
                people = patient.unique()
                order = torch.randperm(len(people))
                held_out = min(max(round(share * len(people)), 1), len(people) - 1)
                in_test = torch.isin(patient, people[order[:held_out]])
                return torch.where(~in_test)[0], torch.where(in_test)[0]
            """,
            "another split each time",
        ),
        (
            """
            def honest(patient, share, seed):
                people = patient.unique()
                order = torch.randperm(len(people), generator=torch.Generator().manual_seed(seed))
                in_test = torch.isin(patient, people[order[:1]])
                return torch.where(~in_test)[0], torch.where(in_test)[0]
            """,
            "A share of what",
        ),
        (
            """
            def honest(patient, share, seed):
                people = patient.unique()
                order = torch.randperm(len(people), generator=torch.Generator().manual_seed(seed))
                held_out = min(max(round(share * len(people)), 1), len(people) - 1)
                in_test = torch.isin(patient, people[order[:held_out]])
                return torch.where(in_test)[0], torch.where(~in_test)[0]
            """,
            "Which part comes first",
        ),
    ],
}
