from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("send", "0004_lanes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("scope", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=8)),
                ("placed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "send_hold",
            },
        ),
        migrations.CreateModel(
            name="PaceRow",
            fields=[
                ("name", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("free_at", models.DateTimeField()),
            ],
            options={
                "db_table": "send_pace",
            },
        ),
        migrations.AddField(
            model_name="putoff",
            name="again",
            field=models.BooleanField(db_default=False),
        ),
    ]
