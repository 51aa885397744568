from django.db import migrations, models


class Migration(migrations.Migration):
    """Django cannot change a primary key by itself."""

    dependencies = [
        ("policy", "0010_preference"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """alter table policy_told
                           drop column id,
                           drop constraint told_once,
                           add constraint policy_told_pkey primary key (record, purpose, register)"""
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="told", name="told_once"),
                migrations.RemoveField(model_name="told", name="id"),
                migrations.AddField(
                    model_name="told",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "record", "purpose", "register", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
