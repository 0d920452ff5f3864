"""Data of the course: every function returns a `Domain`."""

from tlutils.datasets import digits, photos, shifts

__all__ = ["digits", "photos", "shifts"]
