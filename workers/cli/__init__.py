"""Command line of the workers. Imports nothing: web processes load it."""
