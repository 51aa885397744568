from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("link", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SettlementRow",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("settlement_id", models.CharField(max_length=64, unique=True)),
                ("envelope", models.TextField()),
                ("settled_at", models.DateTimeField()),
            ],
            options={"db_table": "link_settlement"},
        ),
    ]
