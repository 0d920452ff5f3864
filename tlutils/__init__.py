"""Transfer learning you can run: the package behind the course's notebooks.

Every function answers an argument of the wrong type with a TypeError, and a number that is NaN or a tensor
without values with a ValueError, each naming the argument; the docstrings say what else is refused.
"""

import os

# Threads that wait should sleep. Spinning, torch's default, makes small networks many times slower
# as soon as anything else runs on the machine. Only heeded when set before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tlutils.guard import guard_torchvision

guard_torchvision()  # before anything imports torchvision

from tlutils import augment, check, course, datasets, explain, metrics, plots  # noqa: E402
from tlutils.adversary import DomainAdversary, reverse_gradient  # noqa: E402
from tlutils.advice import advise  # noqa: E402
from tlutils.clustering import kmeans, match_clusters, matched_accuracy, nmi, stability  # noqa: E402
from tlutils.discrepancy import coral, mmd, proxy_a_distance, sliced_wasserstein  # noqa: E402
from tlutils.distill import distill, retrieval_accuracy  # noqa: E402
from tlutils.domains import Domain  # noqa: E402
from tlutils.encoders import image_encoder, model_card  # noqa: E402
from tlutils.evidence import ClaimFailed, Estimate, claim, repeat, stored  # noqa: E402
from tlutils.features import extract_features, linear_probe  # noqa: E402
from tlutils.finetune import L2SP, add_lora, fit_gradually, freeze, layerwise_rates, unfreeze  # noqa: E402
from tlutils.information import InformationMaximisation, information, information_score  # noqa: E402
from tlutils.negative import forecast, guarded, transfer_gain  # noqa: E402
from tlutils.nets import Classifier, DigitNet, DrivingNet  # noqa: E402
from tlutils.normalisation import reestimate_batchnorm  # noqa: E402
from tlutils.own_model import load_model  # noqa: E402
from tlutils.select import KeepBest, choose, reverse_validation  # noqa: E402
from tlutils.selfsup import Projected, contrastive_loss, fit_unlabelled  # noqa: E402
from tlutils.session import Session, start  # noqa: E402
from tlutils.shortcuts import attribution_share, shortcut_report  # noqa: E402
from tlutils.similarity import cka  # noqa: E402
from tlutils.text_encoders import text_encoder  # noqa: E402
from tlutils.train import accuracy, fit, predict, ramp  # noqa: E402
from tlutils.transferability import h_score, leep, logme, nce  # noqa: E402
from tlutils.transport import recoloured, sinkhorn, transported  # noqa: E402
from tlutils.weighting import effective_size, importance_weights, label_weights  # noqa: E402

__all__ = [
    "L2SP",
    "ClaimFailed",
    "Classifier",
    "DigitNet",
    "Domain",
    "DomainAdversary",
    "DrivingNet",
    "Estimate",
    "InformationMaximisation",
    "KeepBest",
    "Projected",
    "Session",
    "accuracy",
    "add_lora",
    "advise",
    "attribution_share",
    "augment",
    "check",
    "choose",
    "cka",
    "claim",
    "contrastive_loss",
    "coral",
    "course",
    "datasets",
    "distill",
    "effective_size",
    "explain",
    "extract_features",
    "fit",
    "fit_gradually",
    "fit_unlabelled",
    "forecast",
    "freeze",
    "guarded",
    "h_score",
    "image_encoder",
    "importance_weights",
    "information",
    "information_score",
    "kmeans",
    "label_weights",
    "layerwise_rates",
    "leep",
    "linear_probe",
    "load_model",
    "logme",
    "match_clusters",
    "matched_accuracy",
    "metrics",
    "mmd",
    "model_card",
    "nce",
    "nmi",
    "plots",
    "predict",
    "proxy_a_distance",
    "ramp",
    "recoloured",
    "reestimate_batchnorm",
    "repeat",
    "retrieval_accuracy",
    "reverse_gradient",
    "reverse_validation",
    "shortcut_report",
    "sinkhorn",
    "sliced_wasserstein",
    "stability",
    "start",
    "stored",
    "text_encoder",
    "transfer_gain",
    "transported",
    "unfreeze",
]
