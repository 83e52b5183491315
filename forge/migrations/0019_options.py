import forge.models.accounts
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('forge', '0018_admin_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='default_options',
            field=models.JSONField(blank=True, null=True, validators=[forge.models.accounts.options_validate]),
        ),
        migrations.AddField(
            model_name='image',
            name='decorative',
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='image',
            name='unused_keywords',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='imageanalysis',
            name='decorative',
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='imageanalysis',
            name='unused_keywords',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='options',
            field=models.JSONField(blank=True, null=True),
        ),
    ]
