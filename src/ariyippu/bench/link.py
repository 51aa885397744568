"""How fast records are linked: records/s of blocking and scoring on sealed features, and how well.

A register of property tax and, half as large, one of land tax, of an invented Kerala. Both sides compare the
same candidate pairs (the blocking rules' keys are the features' for both) in the same fields, each with a model
that it trained itself in the same way. Reading, features and training are not timed.

plaintext   Splink on the texts with its own comparison library: Jaro-Winkler with term frequencies for names,
            house and place, Damerau-Levenshtein and dates for birth dates, exact matches for the rest

`facts` hold each side's best F1 over all thresholds, over the pairs between the registers.
"""

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator

from ariyippu.base.keys import KEY_BYTES, NAMES, Keyring
from ariyippu.bench import Measured, peak_mib, rate
from ariyippu.demo.kerala.files import TRUTH, write_examples
from ariyippu.demo.kerala.rates import HELD_OUT_SEED, Shares
from ariyippu.demo.kerala.records import Kerala
from ariyippu.demo.truth import truth_of
from ariyippu.ingest import contract as contracts
from ariyippu.ingest import readers, seal
from ariyippu.ingest.contract import LinkRole
from ariyippu.ingest.features.make import Maker
from ariyippu.ingest.validate import Checks
from ariyippu.link import model as models
from ariyippu.link import score
from ariyippu.link.compare import BLOCKING_RULES, blocking_rule
from ariyippu.link.train import MAX_TRAINING_PAIRS, SESSIONS, SURE_RECALL, SURE_RULES

ROWS = 1_500_000  # both registers together, the first twice as large
REGISTERS = ("ksmart-property", "relis")
SHARES = Shares(ksmart_property=0.4237, relis=0.1812)
PEOPLE_PER_ROW = 4 / 3  # with these shares, since some hold several buildings or fields
LEAST_WEIGHT = -5.0  # what is scored lower is left out on both sides
SEED = 1
KEYS = sorted({column for rule in (*BLOCKING_RULES, *SESSIONS, *SURE_RULES) for column in rule})


# What a department's user of Splink would choose for these columns.
COMPARISONS = (
    *(
        cl.JaroWinklerAtThresholds(role, [0.92, 0.85, 0.7]).configure(term_frequency_adjustments=True)
        for role in ("name", "guardian", "house", "locality")
    ),
    cl.DateOfBirthComparison("born_on", input_is_string=True),
    cl.ExactMatch("gender"),
    cl.ExactMatch("district").configure(term_frequency_adjustments=True),
    cl.ExactMatch("mobile").configure(term_frequency_adjustments=True),
    cl.ExactMatch("email").configure(term_frequency_adjustments=True),
)
ROLES: tuple[LinkRole, ...] = (
    "name",
    "guardian",
    "house",
    "locality",
    "born_on",
    "gender",
    "district",
    "mobile",
    "email",
)


def measure(rows: int | None) -> Measured:
    keyring = Keyring({name: secrets.token_bytes(KEY_BYTES) for name in NAMES})
    with tempfile.TemporaryDirectory(prefix="ariyippu-bench-") as path, duckdb.connect() as relations:
        folder = Path(path)
        people = round((rows or ROWS) * PEOPLE_PER_ROW)
        write_examples(folder, Kerala(people, HELD_OUT_SEED, shares=SHARES), REGISTERS)
        _load(relations, folder, keyring)
        count = score.record_count(relations)
        ours, theirs = score.linker(relations, models.load()), _trained_on_plaintext(relations)
        found: dict[str, str] = {}
        value = rate(count, lambda: found.update(ours=_pairs(ours)))
        peak = peak_mib()
        baselines = {"plaintext": rate(count, lambda: found.update(theirs=_pairs(theirs)))}
        facts = {"f1": _best_f1(relations, found["ours"]), "f1_plaintext": _best_f1(relations, found["theirs"])}
    return Measured(value, "records/s", count, baselines, peak, facts)


def _pairs(linker: Linker) -> str:
    """Block and score; the table of what was found."""
    return linker.inference.predict(threshold_match_weight=LEAST_WEIGHT, warning_mode="never").physical_name


def _load(relations: duckdb.DuckDBPyConnection, folder: Path, keyring: Keyring) -> None:
    """`features` as a linking run has them; `plaintext` with the same rows' texts, and the keys to block by."""
    files = {name: list(chunks(folder, name, keyring)) for name in REGISTERS}
    tables = {
        name: (pa.Table.from_batches([features for features, _texts in made]).to_reader(), False)
        for name, made in files.items()
    }
    score.stack(relations, tables)
    relations.register("texts", pa.concat_tables([texts for made in files.values() for _features, texts in made]))
    keys = ", ".join(f"f.{column}" for column in KEYS)
    relations.execute(
        f"""create table plaintext as
            select f.place, f.register, f.once, t.* exclude (record), {keys}
            from features f join texts t on t.record = f.record"""  # noqa: S608  our own names
    )
    relations.unregister("texts")
    relations.register("truth", truth_of(folder / TRUTH, keyring))
    relations.execute(
        "create table owned as select place, register, owner from features join truth using (register, record)"
    )


def chunks(folder: Path, register: str, keyring: Keyring) -> Iterator[tuple[pa.RecordBatch, pa.Table]]:
    """A file's good rows: their features, and beside them what a linker of plaintext sees."""
    contract = contracts.find(register)
    checks, maker = Checks(contract, accept_test_numbers=True), Maker(contract.links, keyring)
    for chunk in readers.read(contract, folder / f"{register}.csv"):
        columns = checks.check(chunk).columns
        texts = {role: columns[column.name].cast(pa.string()) for role, column in contract.links.items()}
        keys = columns[contract.key.name].cast(pa.string()).to_pylist()
        records = seal.record_tokens(register, keys, keyring)
        features = maker.batch(records, {role: values.to_pylist() for role, values in texts.items()})
        seen = {role: texts.get(role, pa.nulls(len(records), pa.string())) for role in ROLES}
        lower: dict[str, pa.Array] = {role: pc.utf8_lower(values) for role, values in seen.items()}
        yield features, pa.table({"record": pa.array(records, pa.binary(16)), **lower})


def _trained_on_plaintext(relations: duckdb.DuckDBPyConnection) -> Linker:
    """A linker of the texts, trained as ours is (link/train.py)."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="place",
        comparisons=list(COMPARISONS),
        blocking_rules_to_generate_predictions=[{"blocking_rule": blocking_rule(rule)} for rule in BLOCKING_RULES],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,  # as ours does
    )
    table = DuckDBAPI(relations).register("plaintext", dataset_display_name="plaintext")
    linker = Linker(table, settings, log_level=None, validate_settings=False)
    linker.training.estimate_probability_two_random_records_match(
        [blocking_rule(rule) for rule in SURE_RULES], recall=SURE_RECALL
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=MAX_TRAINING_PAIRS, seed=SEED)
    for rule in SESSIONS:
        linker.training.estimate_parameters_using_expectation_maximisation(blocking_rule(rule))
    return linker


def _best_f1(relations: duckdb.DuckDBPyConnection, pairs: str) -> float:
    """The highest F1 over all thresholds of the weight, among pairs of one record of each register."""
    ((true_pairs,),) = relations.sql(
        """select count(*) from owned a join owned b on a.owner = b.owner and a.register < b.register"""
    ).fetchall()
    ((best,),) = relations.sql(
        f"""with found as (
                select p.match_weight as weight, count(*) as pairs, count(*) filter (where a.owner = b.owner) as hits
                from {pairs} p join owned a on a.place = p.place_l join owned b on b.place = p.place_r
                where a.register <> b.register group by 1
            ), above as (
                select sum(pairs) over strongest as pairs, sum(hits) over strongest as hits from found
                window strongest as (order by weight desc)
            )
            select max(2 * hits / (pairs + {true_pairs})) from above"""  # noqa: S608  numbers and our own names
    ).fetchall()
    return round(float(best), 4)
