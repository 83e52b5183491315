"""Captions from encoded images: BLIP's text decoder with KV caches and beam search.

Replaces transformers' `BlipTextLMHeadModel`, whose import and `generate` are too slow.
"""
