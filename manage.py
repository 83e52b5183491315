#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Names without the models, which settings and apps must precede.
    from django.db.utils import OperationalError

    from forge.disk_full import unusable_sentence

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except OperationalError as error:
        sys.exit(unusable_sentence(error))
