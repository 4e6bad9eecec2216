from pathlib import Path
from typing import Final

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL: Final = Path(__file__).parent.parent / "sql" / "functions"

FUNCTIONS: Final = {
    "count_article_terms": "",
    "drop_article_vector": "",
    "may_read_terms": "bigint",
    "articles_with_terms": "bigint[], bigint[]",
    "nearest_articles": "bigint, bigint[], smallint[], uuid, integer",
}


class Migration(migrations.Migration):
    """What articles are found and compared by; workers fill it for those that are there already."""

    dependencies = [("jobs", "0031_supervisors")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="ArticleTerm",
            fields=[
                ("key", models.BigIntegerField(primary_key=True, serialize=False)),
                ("articles", models.IntegerField()),
            ],
            options={"db_table": "article_terms"},
        ),
        migrations.CreateModel(
            name="ArticleVector",
            fields=[
                (
                    "article",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="vector",
                        serialize=False,
                        to="jobs.article",
                    ),
                ),
                ("owner", models.BigIntegerField()),
                ("keys", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("counts", django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
                ("length", models.FloatField()),
            ],
            options={
                "db_table": "article_vectors",
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["keys"], name="article_vector_keys"
                    )
                ],
            },
        ),
        # Each new article raises the counts of hundreds of terms: they stay in their pages, and the index as it is.
        migrations.RunSQL("ALTER TABLE article_terms SET (fillfactor = 70)", migrations.RunSQL.noop),
        *(
            RunSQLFile(SQL / f"{name}.sql", f"DROP FUNCTION {name}({arguments})")
            for name, arguments in FUNCTIONS.items()
        ),
        migrations.RunSQL(
            "CREATE TRIGGER count_terms AFTER INSERT OR DELETE OR UPDATE OF keys, counts, owner ON article_vectors"
            " FOR EACH ROW EXECUTE FUNCTION count_article_terms()",
            "DROP TRIGGER count_terms ON article_vectors",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER drop_vector AFTER UPDATE OF is_deleted ON articles"
            " FOR EACH ROW WHEN (NEW.is_deleted AND NOT OLD.is_deleted) EXECUTE FUNCTION drop_article_vector()",
            "DROP TRIGGER drop_vector ON articles",
        ),
        LockTimeout(),
    ]
