"""Receipts stand beside the message that they are about, and are folded instead of the first one kept."""

import django.db.models.deletion
from django.db import migrations, models

# What came so far waits for its outcome again. A receipt that said nothing (unknown) is none.
KEEP = """
    insert into track_early (provider_id, state, code, came_at)
    select provider_id, array_position(array['expired', 'undelivered', 'rejected', 'delivered'], state::text),
           code, received_at
    from track_receipt where state <> 'unknown'
"""


class Migration(migrations.Migration):
    dependencies = [("send", "0001_initial"), ("track", "0002_stopped")]

    operations = [
        migrations.CreateModel(
            name="EarlyReceipt",
            fields=[
                ("provider_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("state", models.PositiveSmallIntegerField()),
                ("code", models.CharField(db_collation="C", max_length=40)),
                ("came_at", models.DateTimeField()),
            ],
            options={"db_table": "track_early"},
        ),
        migrations.RunSQL(KEEP, migrations.RunSQL.noop),
        migrations.DeleteModel(name="ReceiptRow"),
        migrations.CreateModel(
            name="Ignored",
            fields=[
                ("kind", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("count", models.PositiveBigIntegerField()),
            ],
            options={"db_table": "track_ignored"},
        ),
        migrations.CreateModel(
            name="MessageReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                ("state", models.PositiveSmallIntegerField()),
                ("code", models.CharField(db_collation="C", max_length=40)),
                ("suspended_at", models.DateTimeField(null=True)),
                (
                    "batch",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="send.batch"),
                ),
            ],
            options={
                "db_table": "track_message",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", 5), ("suspended_at__isnull", True)),
                        fields=["batch"],
                        name="track_message_bounced",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("batch", "position"), name="track_message_once")],
            },
        ),
    ]
