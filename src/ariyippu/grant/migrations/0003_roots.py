from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("grant", "0002_answers")]

    operations = [
        migrations.CreateModel(
            name="RootsDocument",
            fields=[
                ("version", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("envelope", models.TextField()),
            ],
            options={"db_table": "grant_roots"},
        ),
    ]
