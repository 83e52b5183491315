from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('forge', '0020_languages'),
    ]

    operations = [
        migrations.AddField(
            model_name='imageanalysis',
            name='variants',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='action',
            field=models.CharField(choices=[('analyze', 'Analyze'), ('export', 'Export'), ('sample', 'Sample')], db_default='analyze', default='analyze', max_length=10),
        ),
        migrations.AddField(
            model_name='job',
            name='export_settings',
            field=models.JSONField(blank=True, null=True),
        ),
    ]
