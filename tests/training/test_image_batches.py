"""What the decoder is shown in training."""

import numpy as np
from PIL import Image, ImageOps

from tests.workers.images import SAMPLES


def test_mirrored_cells_are_those_of_the_mirrored_picture() -> None:
    """Of the colours, which are taken from the pixels, exactly; in what the backbone said, cell by cell."""
    import torch

    from training.datasets.image_batches import mirrored
    from workers.models.embedded.vision.pixels import cell_colors

    # Whole pixels in each cell: the mean of a mirrored one is the same number.
    picture = Image.open(SAMPLES / "cat.jpg").convert("RGB").resize((180, 180))
    said = torch.arange(81.0)[None, :, None].repeat(1, 1, 472)
    colors = torch.from_numpy(cell_colors(picture)).float()[None]
    turned = mirrored(torch.cat([said, colors], dim=2))[0].numpy()
    np.testing.assert_array_equal(turned[:, 472:], cell_colors(ImageOps.mirror(picture)))
    np.testing.assert_array_equal(turned[:, 0].reshape(9, 9), np.arange(81.0).reshape(9, 9)[:, ::-1])
    # A batch may have none.
    assert mirrored(torch.zeros(0, 81, 484)).shape == (0, 81, 484)
