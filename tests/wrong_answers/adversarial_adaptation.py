"""Answers that readers of exercises 09 are known to give, and words of the hint that each should get."""


def _loss(before="tl.reverse_gradient(rows, strength)", names="1.0, 0.0", result="sum(losses) / 2"):
    return f"""
def adversarial_loss(source, target, discriminator, strength):
    losses = []
    for rows, name in zip((source, target), ({names})):
        logits = discriminator({before})
        losses.append(F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, name)))
    return {result}
"""


WRONG = {
    "adversarial_loss": [
        (_loss("rows"), "helps the discriminator"),
        (_loss("tl.reverse_gradient(rows, -strength)"), "the wrong sign"),
        (_loss("tl.reverse_gradient(rows)"), "has no effect"),
        (_loss("rows.detach()"), "never hears"),
        (_loss("rows", result="-sum(losses) / 2"), "learn to be wrong"),
        (_loss("rows", result="-strength * sum(losses) / 2"), "learn to be wrong"),
        (_loss("tl.reverse_gradient(rows)", result="strength * sum(losses) / 2"), "learn slowly"),
        (_loss(names="0.0, 1.0"), "yours says 'target'"),
        (_loss("-strength * rows"), "Where to look"),
        (_loss(result="sum(losses)"), "twice too large"),
        (
            """
            def adversarial_loss(source, target, discriminator, strength):
                a, b = (tl.reverse_gradient(discriminator(x), strength) for x in (source, target))
                return (F.softplus(-a).mean() + F.softplus(b).mean()) / 2
            """,
            "own weights get the minus",
        ),
        (_loss(result="(sum(losses) / 2).item()"), "no gradient"),
        (
            """
            def adversarial_loss(source, target, discriminator, strength):
                logits = discriminator(tl.reverse_gradient(torch.cat([source, target]), strength))
                is_source = (torch.arange(len(logits)) < len(source)).to(logits)[:, None]
                return F.binary_cross_entropy_with_logits(logits, is_source)
            """,
            "each row weighs the same",
        ),
        (
            """
            def adversarial_loss(source, target, discriminator, strength):
                a, b = (discriminator(tl.reverse_gradient(x, strength)).sigmoid() for x in (source, target))
                return (F.binary_cross_entropy(a, torch.ones_like(a)) - (1 - b).log().mean()) / 2
            """,
            "very sure",
        ),
    ],
    "accuracy_when_alike": [
        ("import numpy; reads = numpy.array([0.5, 0.5])", "what a coin gets"),
        ("reads = 0.5, 0.5", "what a coin gets"),
        ("reads = 0.75, 0.75", "in the source alone"),
        ("reads = 0.625, 0.5", "in four, at random"),
        ("reads = 1, 1", "gives its domain away"),
        ("reads = 0.75, 1", "has a price"),
        ("reads = 0.5", "two numbers are asked for"),
    ],
    "run_to_keep": [
        ("keep = max(runs, key=lambda k: tl.information(runs[k]['logits']))", "lost track"),
        ("keep = min(runs, key=lambda k: abs(runs[k]['own'] - 0.5))", "How sure is it"),
        ("keep = 'b'", "How many different answers"),
        ("keep = 3", "none of the answers"),
    ],
}
