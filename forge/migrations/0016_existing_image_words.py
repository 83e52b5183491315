"""Words of the images that are there; forge/words.py writes those of later ones in the same form."""

import re
from itertools import islice

from django.db import migrations

BATCH = 1_000
WORD = re.compile(r'[^\W_]+')


def words(image):
    metadata = image.metadata or {}
    texts = [image.original_filename, *(text for text in metadata.values() if isinstance(text, str))]
    found = (word[:40] for text in [*texts, *metadata.get('seoTags', [])] for word in WORD.findall(text.casefold()))
    return ' '.join(list(dict.fromkeys(found))[:300])


def words_write(apps, schema_editor):
    images = apps.get_model('forge', 'Image').objects.select_related('session').only(
        'original_filename', 'metadata', 'session__account_id'
    )
    rows_model = apps.get_model('forge', 'ImageWords')
    rows = (
        rows_model(image=image, session_id=image.session_id, account_id=image.session.account_id, words=words(image))
        for image in images.iterator(chunk_size=BATCH)
    )
    while batch := list(islice(rows, BATCH)):
        rows_model.objects.bulk_create(batch)


class Migration(migrations.Migration):

    dependencies = [
        ('forge', '0015_image_words'),
    ]

    operations = [
        migrations.RunPython(words_write, migrations.RunPython.noop),
    ]
