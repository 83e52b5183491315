"""Detection of images without content."""

from workers.imaging.blank import MIN_STANDARD_DEVIATION, has_detail

__all__ = ["MIN_STANDARD_DEVIATION", "has_detail"]
