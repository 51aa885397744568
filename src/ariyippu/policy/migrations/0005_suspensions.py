"""Contact points that are not used, and those that a department verified."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("policy", "0004_certified")]

    operations = [
        migrations.CreateModel(
            name="Suspension",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.BinaryField(max_length=16)),
                ("cause", models.CharField(max_length=12)),
                ("suspended_at", models.DateTimeField()),
            ],
            options={
                "db_table": "policy_suspension",
                "constraints": [models.UniqueConstraint(fields=("token", "cause"), name="policy_suspended_once")],
            },
        ),
        migrations.CreateModel(
            name="Verified",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("register", models.CharField(max_length=40)),
                ("token", models.BinaryField(max_length=16)),
                ("verified_at", models.DateTimeField()),
            ],
            options={
                "db_table": "policy_verified",
                "constraints": [models.UniqueConstraint(fields=("register", "token"), name="policy_verified_once")],
            },
        ),
    ]
