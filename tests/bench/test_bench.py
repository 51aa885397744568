"""Each benchmark runs, small, as a command of its own, and prints what it promises. No time is asserted."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from ariyippu.base.errors import RefusedError
from ariyippu.bench import hand_off, run, smpp
from ariyippu.bench.hand_off_baselines import Load, postfix
from ariyippu.notice.segments import encode

KEYS = {"bench", "value", "unit", "rows", "baselines", "ratios", "peak_mib", "facts"}


def bench(name: str, rows: int, *, environment: dict[str, str] | None = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "ariyippu", "bench", name, "--rows", str(rows), "--json"]
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    assert set(found) == KEYS
    assert found["bench"] == name
    assert found["value"] > 0
    assert set(found["ratios"]) == set(found["baselines"])
    assert found["peak_mib"] > 0
    return found


def test_ingest() -> None:
    found = bench("ingest", 500)
    assert (found["unit"], found["rows"]) == ("rows/s", 500)
    assert set(found["baselines"]) == {"csv_only", "parquet_only", "bare_seal"}


def test_seal() -> None:
    found = bench("seal", 500)
    assert (found["unit"], found["rows"]) == ("rows/s", 500)
    assert set(found["baselines"]) == {"without_features", "features", "aes_gcm", "hmac"}


def test_link() -> None:
    found = bench("link", 20_000)  # with fewer, the plaintext side learns nothing
    assert found["unit"] == "records/s"
    assert set(found["baselines"]) == {"plaintext"}
    assert found["facts"]["f1"] > 0.8


def test_accuracy() -> None:
    found = bench("accuracy", 4_000)
    assert found["unit"] == "recall"
    assert found["facts"]["precision"] > 0.99
    assert 0 < found["facts"]["recall"] <= found["facts"]["possible"] <= 1
    assert "with_spelling" in found["facts"]


def test_decide() -> None:
    found = bench("decide", 1000)
    assert (found["unit"], found["rows"]) == ("decisions/s", 1000)
    engines = {"bare_read_write", "plain_duckdb", "postgresql", "cedar", "python_reference"}
    assert set(found["baselines"]) == engines


def test_decide_links() -> None:
    found = bench("decide-links", 1000)
    assert (found["unit"], found["rows"]) == ("decisions/s", 1000)
    assert set(found["baselines"]) == {"without_links"}


@pytest.mark.skipif(postfix("smtp-sink") is None, reason="smtp-sink (Debian: postfix) is not installed")
def test_hand_off_is_one_way_through_the_whole_vault() -> None:
    found = bench("hand-off", 200)
    assert found["unit"] == "messages/s"
    assert 150 <= found["rows"] <= 250  # as many as the example's employees come to
    assert {"bare_loop", "bare_carrier", "smtplib"} <= set(found["baselines"])
    assert set(found["facts"]) == {"workers_us", "machine_us", "idle_share"}


def test_smpp() -> None:
    found = bench("smpp", 1_000)
    assert (found["unit"], found["rows"]) == ("messages/s", 1_000)
    assert set(found["baselines"]) == {"bare_loop"}
    assert set(found["facts"]) == {"one_segment", "three_segments"}


@pytest.mark.parametrize(("text", "parts"), [(smpp.ONE, 1), (smpp.THREE, 3)])
def test_the_texts_are_as_long_as_they_are_said_to_be(text: str, parts: int) -> None:
    segments = encode(text.format(99_999))
    assert (segments.coding, len(segments.parts)) == ("ucs2", parts)


def test_a_baseline_that_cannot_be_measured_is_left_out_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_load: Load) -> float:
        raise ImportError(name="aiosmtplib")

    monkeypatch.setattr(hand_off, "SENDERS", {"there": lambda _load: 1.0, "aiosmtplib": missing})
    assert set(hand_off.baselines(Load(port=1, messages=1, content=b"", processes=1, connections=1))) == {"there"}
    assert "aiosmtplib is left out" in capsys.readouterr().err


def test_an_installation_s_database_is_never_written_to() -> None:
    """Its URL in the environment is ignored: nothing listens at port 1."""
    url = "postgresql://nobody@127.0.0.1:1/none"
    names = ("ARIYIPPU_DATABASE_URL", "ARIYIPPU_OWNER_DATABASE_URL", "ARIYIPPU_VAULT_DATABASE_URL")
    bench("ingest", 100, environment=dict.fromkeys(names, url))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(RefusedError, match="ingest, seal, link, accuracy, decide, decide-links, hand-off, smpp"):
        run("love", None)
