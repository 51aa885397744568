from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("grant", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="RefusedRequest",
            fields=[
                ("request", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("envelope", models.TextField()),
                ("refused_at", models.DateTimeField()),
            ],
            options={"db_table": "grant_refused"},
        ),
        migrations.CreateModel(
            name="WithdrawnRequest",
            fields=[
                ("request", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("envelope", models.TextField()),
                ("withdrawn_at", models.DateTimeField()),
            ],
            options={"db_table": "grant_withdrawn"},
        ),
    ]
