"""From what is seen to sentences: the text decoder of BLIP's family and its beams, for every captioner here.

The weights are those of transformers' `BlipTextLMHeadModel`; importing that takes longer than a worker should need for
its first answer, and its `generate` longer than a picture needs.
"""
