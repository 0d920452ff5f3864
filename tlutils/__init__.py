"""Transfer learning you can run: the package behind the course's notebooks."""

import os

# Threads that wait should sleep. Spinning, torch's default, makes small networks many times slower
# as soon as anything else runs on the machine. Only heeded when set before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tlutils.guard import guard_torchvision

guard_torchvision()  # before anything imports torchvision

from tlutils import augment, course, datasets, plots  # noqa: E402
from tlutils.clustering import kmeans, match_clusters, matched_accuracy, nmi, stability  # noqa: E402
from tlutils.discrepancy import coral, mmd  # noqa: E402
from tlutils.domains import Domain  # noqa: E402
from tlutils.encoders import image_encoder, model_card  # noqa: E402
from tlutils.evidence import ClaimFailed, Estimate, claim, repeat, stored  # noqa: E402
from tlutils.features import extract_features, linear_probe  # noqa: E402
from tlutils.nets import Classifier, DigitNet  # noqa: E402
from tlutils.selfsup import Projected, contrastive_loss, fit_unlabelled  # noqa: E402
from tlutils.session import Session, start  # noqa: E402
from tlutils.train import accuracy, fit, predict, ramp  # noqa: E402
from tlutils.weighting import effective_size, importance_weights  # noqa: E402

__all__ = [
    "ClaimFailed",
    "Classifier",
    "DigitNet",
    "Domain",
    "Estimate",
    "Projected",
    "Session",
    "accuracy",
    "augment",
    "claim",
    "contrastive_loss",
    "coral",
    "course",
    "datasets",
    "effective_size",
    "extract_features",
    "fit",
    "fit_unlabelled",
    "image_encoder",
    "importance_weights",
    "kmeans",
    "linear_probe",
    "match_clusters",
    "matched_accuracy",
    "mmd",
    "model_card",
    "nmi",
    "plots",
    "predict",
    "ramp",
    "repeat",
    "stability",
    "start",
    "stored",
]
