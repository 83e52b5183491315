import numpy as np
from PIL import Image, ImageOps

from tests.workers.images import SAMPLES


def test_mirrored_cells_match_those_of_the_mirrored_image() -> None:
    """Colors, which come from the pixels, exactly; the backbone's features cell by cell."""
    import torch

    from training.datasets.image_batches import mirror_cells
    from workers.models.embedded.vision.pixels import cell_colors

    # A side that divides into whole pixels a cell, so that a mirrored cell has the same mean.
    image = Image.open(SAMPLES / "cat.jpg").convert("RGB").resize((180, 180))
    features = torch.arange(81.0)[None, :, None].repeat(1, 1, 472)
    colors = torch.from_numpy(cell_colors(image)).float()[None]
    mirrored = mirror_cells(torch.cat([features, colors], dim=2))[0].numpy()
    np.testing.assert_array_equal(mirrored[:, 472:], cell_colors(ImageOps.mirror(image)))
    np.testing.assert_array_equal(mirrored[:, 0].reshape(9, 9), np.arange(81.0).reshape(9, 9)[:, ::-1])
    # A batch without mirrored examples.
    assert mirror_cells(torch.zeros(0, 81, 484)).shape == (0, 81, 484)
