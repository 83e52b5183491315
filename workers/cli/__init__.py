"""The command line of the workers, a Django app. Imports nothing, because web processes load it."""
