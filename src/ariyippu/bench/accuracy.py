"""How well records are linked, on people that no model was tuned on: recall of certain links, and the harm.

The five registers of an invented Kerala of the held-out seed, linked by the shipped model at the shipped
thresholds, against the generator's truth. Nothing is sealed here: features are the same without.

    facts    precision, recall, persons; wrong_person and wrong_by_link per 100,000 messages, untold per 100,000
             records (demo/accuracy.py); lends: recall of the pairs that lend each other a contact
             possible: the share of one person's pairs that are certain or possible links: what an objection or a
             death travels over; blocked: the share that is compared at all
             with_TAG: recall of the pairs of which a record has this kind of error
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
from ariyippu.link.compare import BLOCKING_RULES, blocking_rule
from ariyippu.link.join import joined

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
    select tag, count(*), count(*) filter (where a.person = b.person)
    from tagged join clustered a on a.place = one join clustered b on b.place = two
    where tag <> '' group by tag order by tag
"""
_BLOCKED = " or ".join(f"({blocking_rule(rule)})" for rule in BLOCKING_RULES)


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
        model = models.load()
        score.pairs(relations, model)
        _cluster(relations, model.thresholds.certain)
        facts = _facts(relations, truth_of(folder / TRUTH, keyring))
        count = score.record_count(relations)
    return Measured(facts["recall"], "recall", count, {}, peak_mib(), facts)


def _once() -> Mapping[str, bool]:
    return {name: contracts.find(name).register.holds_person_once for name in REGISTERS}


def _facts(relations: duckdb.DuckDBPyConnection, truth: pa.Table) -> dict[str, float]:
    relations.register("truth", truth)
    relations.execute(
        """create table owned as
           select place, owner, tags from features join truth using (register, record)"""
    )
    relations.execute(_TRUE_PAIRS)
    persons = relations.sql("select register, record, person, bond from features join clustered using (place)")
    reachable = relations.sql(
        "select register, record from features where mobile_token is not null or email_token is not null"
    )
    found = compare(persons.to_arrow_table(), truth, reachable.to_arrow_table())
    ((persons_count,),) = relations.sql("select count(distinct person) from clustered").fetchall()
    return {
        "precision": found.precision,
        "recall": found.recall,
        "persons": persons_count,
        "messages": found.messages,
        "wrong_person": round(found.wrong_person * PER, 2),
        "wrong_by_link": round(found.wrong_by_link * PER, 2),
        "untold": round(found.untold * PER, 2),
        "lends": _true_share(relations, "a.bond = b.bond"),
        "possible": _reached(relations),
        "blocked": _true_share(relations, _BLOCKED),
        **{f"with_{tag}": hits / pairs for tag, pairs, hits in relations.sql(_BY_TAG).fetchall()},
    }


def _cluster(relations: duckdb.DuckDBPyConnection, enough: float) -> None:
    """`clustered` (place, person, bond), as link/persons.py joins what is certain."""
    relations.execute("create table settled (one bigint, two bigint, verdict varchar)")  # nobody settled anything
    found = joined(relations, enough)
    relations.register("clustered", found.rename_columns({"cluster": "person"}))


def _true_share(relations: duckdb.DuckDBPyConnection, holds: str) -> float:
    """The share of true pairs of which this holds: SQL over `a` and `b` of `clustered`, `l` and `r` of `features`."""
    ((pairs, hits),) = relations.sql(
        f"""select count(*), count(*) filter (where {holds})
            from true_pair t join clustered a on a.place = t.one join clustered b on b.place = t.two
            join features l on l.place = t.one join features r on r.place = t.two"""  # noqa: S608  our own words
    ).fetchall()
    return hits / pairs if pairs else 1.0


def _reached(relations: duckdb.DuckDBPyConnection) -> float:
    """The share of true pairs whose two clusters are one, or have a possible link between them."""
    ((pairs, reached),) = relations.sql(
        """with linked as (
               select distinct least(a.person, b.person) as one, greatest(a.person, b.person) as two
               from scored s join clustered a on a.place = s.one join clustered b on b.place = s.two
               where s.possible
           )
           select count(*), count(*) filter (where a.person = b.person or l.one is not null)
           from true_pair t join clustered a on a.place = t.one join clustered b on b.place = t.two
           left join linked l on l.one = least(a.person, b.person) and l.two = greatest(a.person, b.person)"""
    ).fetchall()
    return reached / pairs if pairs else 1.0
