"""Data of the course: every function returns a `Domain`."""

from tlutils.datasets import digits, medical, photos, shifts, textures, tissue
from tlutils.datasets.folders import image_folder

__all__ = ["digits", "image_folder", "medical", "photos", "shifts", "textures", "tissue"]
