from django.db import migrations, models


class Migration(migrations.Migration):
    """Stays that have begun. Those that are there already are marked by the first that looks (stays.py: begin)."""

    dependencies = [("policy", "0008_caps")]

    operations = [
        migrations.AddField("stayrow", "begun", models.BooleanField(db_default=False)),
    ]
