from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('forge', '0012_queues'),
    ]

    operations = [
        migrations.AddField(
            model_name='image',
            name='edited',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='image',
            name='version',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['account', '-created_at', '-id'], name='job_newest_first'),
        ),
    ]
