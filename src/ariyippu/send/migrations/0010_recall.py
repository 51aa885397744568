import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Of what was handed off before, nobody knows how long it is valid: it is not recalled, it expires."""

    dependencies = [("send", "0009_outcome_key")]

    operations = [
        migrations.AddField("batch", "valid_until", models.DateTimeField(null=True)),
        migrations.CreateModel(
            "Recall",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                ("provider_id", models.CharField(max_length=96)),
                ("has_receipt", models.BooleanField()),
                ("stay", models.CharField(max_length=64)),
                ("number", models.PositiveSmallIntegerField()),
                ("asked_at", models.DateTimeField(null=True)),
                ("code", models.CharField(max_length=40, null=True)),
                (
                    "batch",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="send.batch"),
                ),
            ],
            options={
                "db_table": "send_recall",
                "indexes": [
                    models.Index(fields=["stay", "number"], name="send_recall_terms"),
                    models.Index(fields=["id"], name="send_recall_open", condition=models.Q(code__isnull=True)),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["batch", "position", "provider_id"], name="send_recall_once")
                ],
            },
        ),
    ]
