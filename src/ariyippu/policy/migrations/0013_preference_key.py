from django.db import migrations, models


class Migration(migrations.Migration):
    """Django cannot change a primary key by itself."""

    dependencies = [
        ("policy", "0012_told_each_time"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """alter table policy_preference
                           drop column id,
                           drop constraint preference_once,
                           add constraint policy_preference_pkey primary key (register, record)"""
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="preference", name="preference_once"),
                migrations.RemoveField(model_name="preference", name="id"),
                migrations.AddField(
                    model_name="preference",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "register", "record", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
