from django.db import migrations, models
from django.db.models.functions import Now

# A stay that is there already was accepted when its journal row was written.
ACCEPTED_AT = """
update policy_stay set accepted_at = j.at from journal j
where j.kind = 'stay' and policy_stay.digest = encode(
    sha256(decode(convert_from(j.body, 'UTF8')::jsonb #>> '{body,envelope,payload}', 'base64')), 'hex')
"""


class Migration(migrations.Migration):
    dependencies = [("base", "0001_initial"), ("policy", "0002_over_links")]

    operations = [
        migrations.AddField("stayrow", "accepted_at", models.DateTimeField(db_default=Now())),
        migrations.AddField("stayrow", "confirmed_at", models.DateTimeField(null=True)),
        migrations.AddField("stayrow", "certified", models.BooleanField(db_default=False)),
        migrations.RunSQL(ACCEPTED_AT, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="AmendmentRow",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "stay",
                    models.ForeignKey(
                        on_delete=models.deletion.PROTECT, related_name="amendments", to="policy.stayrow"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("envelope", models.TextField()),
                ("accepted_at", models.DateTimeField()),
            ],
            options={
                "db_table": "policy_amendment",
                "constraints": [models.UniqueConstraint(fields=("stay", "number"), name="amendment_once")],
            },
        ),
    ]
