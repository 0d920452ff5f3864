"""Data of the course: every function returns a `Domain`."""

from tlutils.datasets import (
    corpora,
    digits,
    driving,
    driving_logs,
    medical,
    photos,
    planted,
    reviews,
    shifts,
    signs,
    textures,
    tissue,
)
from tlutils.datasets.folders import image_folder
from tlutils.datasets.text_files import text_file

__all__ = [
    "corpora",
    "digits",
    "driving",
    "driving_logs",
    "image_folder",
    "medical",
    "photos",
    "planted",
    "reviews",
    "shifts",
    "signs",
    "text_file",
    "textures",
    "tissue",
]
