"""How well records are linked, on people that no model was tuned on: recall of certain links, and the harm.

The five registers of an invented Kerala of the held-out seed, linked by the shipped model at the shipped
thresholds, against the generator's truth. Nothing is sealed here: features are the same without.

    facts    precision, recall, persons; wrong_person and wrong_by_link per 100,000 messages (demo/accuracy.py);
             possible: the share of one person's pairs that are certain or possible links: what an objection or a
             death travels over; with_TAG: recall of the pairs of which a record has this kind of error
"""

import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from ariyippu.base.keys import KEY_BYTES, NAMES, Keyring
from ariyippu.bench import Measured, peak_mib
from ariyippu.bench.link import chunks
from ariyippu.demo.accuracy import measure as compare
from ariyippu.demo.kerala.files import TRUTH, write_examples
from ariyippu.demo.kerala.rates import HELD_OUT_SEED
from ariyippu.demo.kerala.records import REGISTERS, Kerala
from ariyippu.demo.truth import truth_of
from ariyippu.ingest import contract as contracts
from ariyippu.link import model as models
from ariyippu.link import score
from ariyippu.link.cluster import clusters

PEOPLE = 1_000_000
PER = 100_000  # messages

_TRUE_PAIRS = """
    create table true_pair as
    select a.place as one, b.place as two, a.tags || ' ' || b.tags as tags
    from owned a join owned b on a.owner = b.owner and a.place < b.place
"""
_BY_TAG = """
    with tagged as (
        select distinct one, two, unnest(string_split(tags, ' ')) as tag from true_pair
    )
    select tag, count(*), count(*) filter (where a.cluster = b.cluster)
    from tagged join clustered a on a.place = one join clustered b on b.place = two
    where tag <> '' group by tag order by tag
"""


def measure(people: int | None) -> Measured:
    keyring = Keyring({name: secrets.token_bytes(KEY_BYTES) for name in NAMES})
    with tempfile.TemporaryDirectory(prefix="ariyippu-bench-") as path, duckdb.connect() as relations:
        folder = Path(path)
        write_examples(folder, Kerala(people or PEOPLE, HELD_OUT_SEED))
        tables = {
            name: (pa.Table.from_batches([made for made, _texts in chunks(folder, name, keyring)]).to_reader(), once)
            for name, once in _once().items()
        }
        score.stack(relations, tables)
        score.pairs(relations, models.load())
        truth = truth_of(folder / TRUTH, keyring)
        facts = _facts(relations, truth)
        count = score.record_count(relations)
    return Measured(facts["recall"], "recall", count, {}, peak_mib(), facts)


def _once() -> Mapping[str, bool]:
    return {name: contracts.find(name).register.holds_person_once for name in REGISTERS}


def _facts(relations: duckdb.DuckDBPyConnection, truth: pa.Table) -> dict[str, float]:
    _cluster(relations)
    relations.register("truth", truth)
    relations.execute(
        """create table owned as
           select place, owner, tags from features join truth using (register, record)"""
    )
    relations.execute(_TRUE_PAIRS)
    persons = relations.sql("select register, record, cluster as person from features join clustered using (place)")
    reachable = relations.sql(
        "select register, record from features where mobile_token is not null or email_token is not null"
    )
    found = compare(persons.to_arrow_table(), truth, reachable.to_arrow_table())
    ((persons_count,),) = relations.sql("select count(distinct cluster) from clustered").fetchall()
    return {
        "precision": found.precision,
        "recall": found.recall,
        "persons": persons_count,
        "messages": found.messages,
        "wrong_person": round(found.wrong_person * PER, 2),
        "wrong_by_link": round(found.wrong_by_link * PER, 2),
        "possible": _reached(relations),
        **{f"with_{tag}": hits / pairs for tag, pairs, hits in relations.sql(_BY_TAG).fetchall()},
    }


def _cluster(relations: duckdb.DuckDBPyConnection) -> None:
    """`clustered` (place, cluster), as link/persons.py joins what is certain."""
    certain = relations.sql("select one, two from scored where certain order by weight desc, one, two").to_arrow_table()
    pairs = zip(certain["one"].to_pylist(), certain["two"].to_pylist(), strict=True)
    found = clusters(score.once(relations), pairs)
    table = pa.table({"place": pa.array(range(len(found)), pa.int64()), "cluster": pa.array(found, pa.int64())})
    relations.register("clustered", table)


def _reached(relations: duckdb.DuckDBPyConnection) -> float:
    """The share of true pairs whose two clusters are one, or have a possible link between them."""
    ((pairs, reached),) = relations.sql(
        """with linked as (
               select distinct least(a.cluster, b.cluster) as one, greatest(a.cluster, b.cluster) as two
               from scored s join clustered a on a.place = s.one join clustered b on b.place = s.two
           )
           select count(*), count(*) filter (where a.cluster = b.cluster or l.one is not null)
           from true_pair t join clustered a on a.place = t.one join clustered b on b.place = t.two
           left join linked l on l.one = least(a.cluster, b.cluster) and l.two = greatest(a.cluster, b.cluster)"""
    ).fetchall()
    return reached / pairs if pairs else 1.0
