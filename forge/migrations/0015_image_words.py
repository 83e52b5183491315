import django.db.models.deletion
from django.db import migrations, models

# SQLite reads the rows of one account, which are narrow; it has no index for this.
INDEX = "CREATE INDEX image_words_prefixes ON forge_imagewords USING gin (array_to_tsvector(string_to_array(words, ' ')))"


def index_create(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute(INDEX)


class Migration(migrations.Migration):

    dependencies = [
        ('forge', '0014_corrections'),
    ]

    operations = [
        migrations.CreateModel(
            name='ImageWords',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='words', serialize=False, to='forge.image')),
                ('words', models.TextField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='forge.account')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='forge.session')),
            ],
            options={
                'verbose_name_plural': 'image words',
            },
        ),
        migrations.RunPython(index_create, migrations.RunPython.noop),
    ]
