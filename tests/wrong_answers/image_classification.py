"""Answers that readers of exercises 10 are known to give, and words of the hint that each should get."""


def _loop(
    model="nn.Sequential(base, layer)",
    pictures="x",
    freeze="base.requires_grad_(False)",
    mode="base.eval()",
    learns="layer",
    result="model.eval()",
    rate=0.05,
):
    return f"""
def mended(base, x, y, classes):
    {freeze}
    layer = nn.Linear(base.dim, classes)
    model = {model}
    optimizer = torch.optim.Adam({learns}.parameters(), lr={rate})
    x = {pictures}
    for _ in range(10):
        model.train()
        {mode}
        for rows in torch.randperm(len(x)).split(32):
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {result}
"""


WRONG = {
    "pooled_shares": [
        ("def shares(maps, weight, bias): return maps.mean((2, 3)) @ weight.T + bias", "those are logits"),
        (
            "def shares(maps, weight, bias): return (maps.mean((2, 3)) @ weight.T + bias).softmax(0)",
            "over the pictures",
        ),
        (
            "def shares(maps, weight, bias): return (maps.mean((1, 2)) @ weight.T + bias).softmax(1)",
            "where Keras keeps",
        ),
        ("def shares(maps, weight, bias): return (maps.sum((2, 3)) @ weight.T + bias).softmax(1)", "divided by"),
        ("def shares(maps, weight, bias): return (maps.amax((2, 3)) @ weight.T + bias).softmax(1)", "strongest place"),
        ("def shares(maps, weight, bias): return (maps.mean((2, 3)) @ weight.T).softmax(1)", "yours is without"),
        (
            """
            def shares(maps, weight, bias):
                powers = (maps.mean((2, 3)) @ weight.T + bias).exp()
                return powers / powers.sum(1, keepdim=True)
            """,
            "logits of about a thousand",
        ),
        ("def shares(maps, weight, bias): return (maps.mean(-1) @ weight.T + bias).softmax(1)", "stopped"),
    ],
    "size_of_new_layer": [
        ("numbers = 2048 * 37, 2048 * 37, 2048 * 196 * 37", "biases are missing"),
        ("numbers = 75813, 4 * 75813, 14852133", "depends on the size"),
        ("numbers = 2048 * 49 * 37 + 37, 2048 * 196 * 37 + 37, 2048 * 196 * 37 + 37", "no place is left over"),
        ("numbers = 75813, 75813, 2048 * 49 * 37 + 37", "flattening at 224"),
        ("numbers = 75813, 75813, 2 * 2048 * 49 * 37 + 37", "twice the side"),
        ("numbers = 75813", "three numbers"),
    ],
    "mended_loop": [
        ("mended = translated", "normalised already"),
        (_loop(pictures="(x - 0.45) / 0.23"), "normalised already"),
        (_loop(freeze="", learns="model"), "half of line 4"),
        (_loop(mode=""), "statistics"),
        (_loop(model="nn.Sequential(base, layer, nn.Softmax(1))"), "gets shares"),
        (_loop(model="nn.Sequential(base, layer, nn.Softmax(1))", result="model[:2].eval()"), "gets shares"),
        (_loop(result="nn.Sequential(base, layer, nn.Softmax(1))"), "gets shares"),
        (_loop(rate=0.0), "does not name the pictures"),
        (_loop(result="layer.weight"), "the trained model is asked for"),
    ],
}
