import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    """Each instant at which a record was told becomes a row of its own; Django cannot drop a primary key by itself."""

    dependencies = [
        ("policy", "0011_told_key"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """alter table policy_told drop constraint policy_told_pkey;
                       insert into policy_told (register, record, purpose, told_at)
                       select register, record, purpose, at from policy_told, unnest(before) as at;
                       alter table policy_told drop column before"""
                )
            ],
            state_operations=[
                migrations.RemoveField(model_name="told", name="before"),
                migrations.RemoveField(model_name="told", name="pk"),
                migrations.AddField(
                    model_name="told",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "record", "told_at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="told",
            index=models.Index(fields=["record"], name="policy_told_record"),
        ),
        migrations.AddIndex(
            model_name="told",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["told_at"], name="policy_told_at"),
        ),
    ]
