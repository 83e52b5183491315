from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('forge', '0019_options'),
    ]

    operations = [
        migrations.AddField(
            model_name='creditentry',
            name='language',
            field=models.CharField(blank=True, db_default='', default='', max_length=35),
        ),
        migrations.AddField(
            model_name='image',
            name='translation_errors',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='image',
            name='translations',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='imageanalysis',
            name='translation_errors',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='imageanalysis',
            name='translations',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='creditentry',
            constraint=models.UniqueConstraint(fields=('job_id', 'image_id', 'kind', 'language'), name='one_entry_of_a_kind_per_language'),
        ),
        # After the new one: at no moment may an image be charged twice.
        migrations.RemoveConstraint(
            model_name='creditentry',
            name='one_entry_of_a_kind_per_analysis',
        ),
    ]
