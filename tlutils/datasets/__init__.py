"""Data of the course: every function returns a `Domain`."""

from tlutils.datasets import digits, photos

__all__ = ["digits", "photos"]
