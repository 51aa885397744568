"""Who answered STOP."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("track", "0003_receipts_by_message")]

    operations = [
        migrations.CreateModel(
            name="StopRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.BinaryField(max_length=16)),
                ("came_at", models.DateTimeField()),
            ],
            options={
                "db_table": "track_stop",
                "constraints": [models.UniqueConstraint(fields=("token",), name="track_stop_once")],
            },
        ),
    ]
