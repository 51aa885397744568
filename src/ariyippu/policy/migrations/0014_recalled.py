from django.db import migrations, models


class Migration(migrations.Migration):
    """How far the recalls of a stay's terms are."""

    dependencies = [("policy", "0013_preference_key")]

    operations = [
        migrations.AddField("stayrow", "recalled", models.PositiveSmallIntegerField(db_default=0)),
        migrations.AddField("stayrow", "recall_logged", models.PositiveSmallIntegerField(db_default=0)),
    ]
