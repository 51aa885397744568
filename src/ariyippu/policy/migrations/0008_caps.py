from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    """When a record was told before it was told last: what caps count."""

    dependencies = [("policy", "0007_objections_waiting")]

    operations = [
        migrations.AddField("told", "before", ArrayField(models.DateTimeField(), db_default=[])),
    ]
