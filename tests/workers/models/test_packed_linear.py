"""Layers packed by private APIs of torch compute what the plain layers compute."""

import pytest


def test_packed_linear_layers_equal_plain_ones() -> None:
    import torch
    from torch import nn

    from workers.models.packed_linear import Fp16Linear, can_pack_linear, pack_linear

    if not can_pack_linear():
        pytest.skip("this torch has no FBGEMM")
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 10, bias=False)).half().float()
    packed = nn.Sequential(*plain)
    pack_linear(packed)
    rows = torch.randn(2, 5, 64)
    assert isinstance(packed[0], Fp16Linear)
    torch.testing.assert_close(packed(rows), plain(rows), atol=1e-4, rtol=1e-4)


def test_packed_convolutions_equal_plain_ones() -> None:
    import torch

    from workers.models.embedded.vision.backbone import INPUT_SIDE, can_pack, imagenet_backbone, pack_backbone
    from workers.models.embedded.vision.visual_features import extract_visual_features

    if not can_pack():
        pytest.skip("this torch has no oneDNN")
    backbone = imagenet_backbone()
    image = torch.rand(1, 3, INPUT_SIDE, INPUT_SIDE) * 2 - 1
    with torch.inference_mode():
        plain = extract_visual_features(backbone, image)
        pack_backbone(backbone)
        packed = extract_visual_features(backbone, image)
    for name in ("grid", "coarse", "pooled", "labels"):
        before, after = getattr(plain, name), getattr(packed, name)
        torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)


def test_folding_the_norms_does_not_change_the_output() -> None:
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    from workers.models.embedded.vision.backbone import INPUT_SIDE, imagenet_backbone, imagenet_weights
    from workers.models.embedded.vision.visual_features import extract_visual_features

    net = EfficientNet.from_name("efficientnet-lite2")
    net.load_state_dict(torch.load(imagenet_weights(), weights_only=True))
    image = torch.rand(1, 3, INPUT_SIDE, INPUT_SIDE) * 2 - 1
    backbone = imagenet_backbone()
    with torch.inference_mode():
        own = extract_visual_features(backbone, image).labels
        torch.testing.assert_close(own, net.eval()(image), atol=1e-3, rtol=1e-3)
