from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('forge', '0016_existing_image_words'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='creditentry',
            name='ledger_newest_first',
        ),
        migrations.AddIndex(
            model_name='creditentry',
            index=models.Index(fields=['account', '-id', 'amount'], name='ledger_running_balance'),
        ),
        migrations.AddIndex(
            model_name='creditentry',
            index=models.Index(fields=['created_at', 'kind', 'amount'], name='ledger_by_day'),
        ),
        migrations.AddIndex(
            model_name='creditentry',
            index=models.Index(fields=['account', 'created_at', 'kind', 'amount'], name='ledger_of_account_by_day'),
        ),
        migrations.AddIndex(
            model_name='imageanalysis',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at', 'status', 'code'], name='analysis_ended'),
        ),
        migrations.AddIndex(
            model_name='imageanalysis',
            index=models.Index(condition=models.Q(('status', 'failed')), fields=['code', 'job'], name='analysis_failed'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['-created_at', '-id'], name='job_newest_of_all'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('failed__gt', 0)), fields=['-finished_at'], name='job_failed'),
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(fields=['-created_at', '-id'], name='session_newest_of_all'),
        ),
    ]
