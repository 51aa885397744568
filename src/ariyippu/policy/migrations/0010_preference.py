from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("policy", "0009_begun")]

    operations = [
        migrations.CreateModel(
            "Preference",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("register", models.CharField(max_length=40)),
                ("record", models.BinaryField(max_length=16)),
                ("channel", models.CharField(max_length=8)),
                ("stated_at", models.DateTimeField()),
            ],
            options={"db_table": "policy_preference"},
        ),
        migrations.AddConstraint(
            "preference", models.UniqueConstraint(fields=["register", "record"], name="preference_once")
        ),
    ]
