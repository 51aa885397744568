import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("send", "0003_claims"),
    ]

    operations = [
        migrations.CreateModel(
            name="PutOff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                ("attempts", models.PositiveSmallIntegerField()),
                ("not_before", models.DateTimeField()),
            ],
            options={
                "db_table": "send_put_off",
            },
        ),
        migrations.RemoveIndex(
            model_name="batch",
            name="send_batch_ready",
        ),
        migrations.RemoveField(
            model_name="batch",
            name="attempts",
        ),
        migrations.AddField(
            model_name="batch",
            name="lane",
            field=models.PositiveSmallIntegerField(db_default=2),
        ),
        migrations.AddField(
            model_name="batch",
            name="office",
            field=models.CharField(db_default="", max_length=64),
        ),
        migrations.AlterField(
            model_name="outcome",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, to="send.batch"
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("state__in", ["ready", "leased"])),
                fields=["order", "channel", "contact_of", "id"],
                name="send_batch_open",
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(condition=models.Q(("state", "leased")), fields=["office"], name="send_batch_leased"),
        ),
        migrations.AddField(
            model_name="putoff",
            name="batch",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="send.batch"),
        ),
        migrations.AddConstraint(
            model_name="putoff",
            constraint=models.UniqueConstraint(fields=("batch", "position"), name="send_put_off_once"),
        ),
    ]
