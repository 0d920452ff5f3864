"""Answers that readers of exercises 06 are known to give, and words of the hint that each should get."""

WRONG = {
    "frozen_for_good": [
        ("def for_good(encoder): return encoder.eval()", "the optimiser has changed"),
        ("def for_good(encoder): return encoder.requires_grad_(False).eval()", "what you set once"),
        (
            """
            def for_good(encoder):
                tl.freeze(encoder)
                return encoder
            """,
            "what you set once",
        ),
        (
            """
            def for_good(encoder):
                for layer in encoder.requires_grad_(False).modules():
                    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                        layer.momentum = 0.0
                return encoder
            """,
            "at the whole batch",
        ),
        (
            """
            def for_good(encoder):
                for layer in encoder.requires_grad_(False).modules():
                    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                        layer.eval()
                        layer.train = lambda mode=True, layer=layer: layer
                return encoder
            """,
            "or at chance",
        ),
        (
            """
            def for_good(encoder):
                class Frozen(nn.Module):
                    def forward(self, x):
                        with torch.inference_mode():
                            return encoder.eval()(x)
                return Frozen()
            """,
            "inference mode",
        ),
        ("def for_good(encoder): return lambda x: encoder.eval()(x)", "a module is asked for"),
    ],
    "speed_of_kept_features": [
        ("times_as_fast = 20", "one version and a head that costs nothing"),
        ("times_as_fast = 5", "that is the limit"),
        ("times_as_fast = 82 / 6", "four versions of it are kept"),
        ("times_as_fast = 41", "computed first"),
        ("times_as_fast = 82 / 24", "one version of each picture"),
        ("times_as_fast = 4.3", "too low"),
    ],
    "standardised_apart": [
        ("standardised = leaking", "have a say"),
        (
            """
            def standardised(known, new):
                return tuple((x - x.mean(0)) / x.std(0) for x in (known, new))
            """,
            "statistics of its own",
        ),
        (
            """
            def standardised(known, new):
                scale = lambda x: (x - x.mean(0)) / x.std(0, correction=0)
                return scale(known), scale(new)
            """,
            "statistics of its own",
        ),
        (
            """
            def standardised(known, new):
                return (known - known.mean()) / known.std(), (new - known.mean()) / known.std()
            """,
            "Which axis",
        ),
        (
            """
            def standardised(known, new):
                return tuple((x - known.mean(0)) / known.std(0) for x in (known, new))
            """,
            "what if a spread is 0",
        ),
        ("def standardised(known, new): return (known - known.mean(0)) / known.std(0)", "2 values are asked for"),
    ],
}
