from django.db import migrations, models


class Migration(migrations.Migration):
    """How many of a stay's terms are certified, instead of whether it is."""

    dependencies = [("policy", "0003_stays_in_full")]

    operations = [
        migrations.RemoveField("stayrow", "certified"),
        migrations.AddField("stayrow", "certified", models.PositiveSmallIntegerField(db_default=0)),
    ]
