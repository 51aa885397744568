from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("track", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="StoppedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stay", models.CharField(max_length=64)),
                ("number", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField()),
                ("order", models.CharField(max_length=64)),
                ("handed_off", models.PositiveBigIntegerField()),
                ("in_hand", models.PositiveIntegerField()),
                ("waiting", models.PositiveBigIntegerField(null=True)),
            ],
            options={
                "db_table": "track_stopped",
                "constraints": [models.UniqueConstraint(fields=("stay", "number", "order"), name="track_stopped_once")],
            },
        ),
    ]
