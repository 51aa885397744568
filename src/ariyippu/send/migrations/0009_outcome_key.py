from django.db import migrations, models


class Migration(migrations.Migration):
    """Django cannot change a primary key by itself."""

    dependencies = [
        ("send", "0008_inbox"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """alter table send_outcome
                           drop column id,
                           drop constraint send_outcome_once,
                           add constraint send_outcome_pkey primary key (batch_id, position)"""
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="outcome", name="send_outcome_once"),
                migrations.RemoveField(model_name="outcome", name="id"),
                migrations.AddField(
                    model_name="outcome",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "batch_id", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
