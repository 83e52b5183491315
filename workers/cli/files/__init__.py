"""Files of a run of `manage.py caption`: words in them, their names, and what is done already."""
