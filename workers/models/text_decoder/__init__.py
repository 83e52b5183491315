"""Text generation from encoded images: BLIP's text decoder, its KV caches and beam search, for every captioner.

The weights are those of transformers' `BlipTextLMHeadModel`. Its import takes too long for a worker's start, and its
`generate` is slower.
"""
