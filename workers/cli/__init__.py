"""The command line's face of the workers: a Django app, so that manage.py finds its command. Imports nothing here,
because web processes load it.
"""
