from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("send", "0005_holds"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(
                condition=models.Q(("outcome", "unknown")), fields=["batch"], name="send_outcome_unknown"
            ),
        ),
    ]
