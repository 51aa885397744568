"""A contract says everything or is refused, with the key at fault."""

from pathlib import Path

import pytest

from ariyippu.base.errors import RefusedError
from ariyippu.ingest import contract
from tests.ingest.files import CONTRACTS, PEOPLE


def test_shipped_contract_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    spark = contract.find("spark")
    assert spark.register.owner == "spark-pmu"
    assert spark.key.name == "pen"
    assert {column.collected_for for column in spark.columns if column.kind == "contact"} == {
        "ariyippu:salary-and-benefit"
    }
    (tmp_path / "people.toml").write_text(PEOPLE, "utf-8")
    assert contract.find(str(tmp_path / "people.toml")) == contract.parse(PEOPLE)
    assert contract.find(str(CONTRACTS / "wards.toml")).key.name == "ward"


@pytest.mark.parametrize("name", ["nothing", "/nowhere/x.toml", "../spark", "."])
def test_unknown_contract_is_refused(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        contract.find(name)
    assert refused.value.code == "contract.not_found"


def test_digest_follows_content_not_layout() -> None:
    same = contract.parse("# a comment\n" + PEOPLE.replace("version = 3", "version   =   3"))
    other = contract.parse(PEOPLE.replace("version = 3", "version = 4"))
    assert same.digest == contract.parse(PEOPLE).digest
    assert other.digest != same.digest
    assert len(same.digest) == 64


CHANGES = {
    "unknown key": ("version = 3", "version = 3\nretension = 1", "contract.invalid", "register.retension"),
    "unknown kind": ('kind = "identity"', 'kind = "secret"', "contract.invalid", "column.1.kind"),
    "contact as attribute": ('kind = "contact"', 'kind = "attribute"', "contract.invalid", "contact"),
    "no purpose": ('collected_for = "ariyippu:salary-and-benefit"', "", "contract.invalid", "collected_for"),
    "unknown purpose": ("ariyippu:salary-and-benefit", "ariyippu:nothing", "purpose.unknown", "nothing"),
    "campaign": ("ariyippu:salary-and-benefit", "dpv:PoliticalCampaign", "contract.purpose", "mobile"),
    "two keys": ('kind = "identity"\ntype = "text"', 'kind = "key"\ntype = "text"', "contract.invalid", "exactly one"),
    "pattern with look-ahead": ("'[0-9]{4}'", "'(?=x)'", "contract.invalid", "RE2"),
    "doubled header": ('header = "Born"', 'header = "Name "', "contract.invalid", "header stands twice"),
    "reserved name": ('name = "born"', 'name = "row"', "contract.invalid", "reserved"),
    "token name": ('name = "born"', 'name = "mobile_token"', "contract.invalid", "reserved"),
    "misspelt mark": ('values = ["DEAD"]', 'values = ["DEED"]', "contract.invalid", "mark"),
    "mark of no column": ('column = "state"', 'column = "status"', "contract.invalid", "mark"),
    "two-digit year": ("%d/%m/%Y", "%d/%m/%y", "contract.invalid", "date_format"),
    "encoding that is not text": ('format = "csv"', 'format = "csv"\nencoding = "base64"', "contract.invalid", "codec"),
    "text as date of birth": (
        "max_length = 20",
        'max_length = 20\nlink = "born_on"',
        "contract.invalid",
        "links as born_on",
    ),
    "mobile as e-mail": ('type = "mobile"', 'type = "mobile"\nlink = "email"', "contract.invalid", "links as email"),
    "unknown link": ("max_length = 20", 'max_length = 20\nlink = "caste"', "contract.invalid", "column.1.link"),
    "link stands twice": (
        "'[0-9]{4}'",
        '\'[0-9]{4}\'\nlink = "name"\n[[column]]\nname = "n"\nheader = "N"\n'
        'kind = "identity"\ntype = "text"\nlink = "name"',
        "contract.invalid",
        "role stands twice",
    ),
    "not TOML": ("[register]", "[register", "contract.not_toml", "TOML"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_refused(change: tuple[str, str, str, str]) -> None:
    old, new, code, said = change
    assert old in PEOPLE
    with pytest.raises(RefusedError) as refused:
        contract.parse(PEOPLE.replace(old, new))
    assert refused.value.code == code
    assert said in refused.value.message


def test_mark_of_an_optional_column_is_refused() -> None:
    """An empty cell would pass as unmarked."""
    optional = PEOPLE.replace('type = "enum"\nrequired = true', 'type = "enum"')
    with pytest.raises(RefusedError, match="mark"):
        contract.parse(optional)


def test_what_a_contract_says_of_linking() -> None:
    linking = contract.parse(
        PEOPLE.replace("version = 3", "version = 3\nholds_person_once = true")
        .replace("max_length = 20", 'max_length = 20\nlink = "name"')
        .replace('type = "mobile"', 'type = "mobile"\nlink = "mobile"')
    )
    assert {role: column.name for role, column in linking.links.items()} == {"name": "name", "mobile": "mobile"}
    assert linking.register.holds_person_once
    assert linking.digest != contract.parse(PEOPLE).digest
    terms = linking.model_dump(mode="json", by_alias=True)
    assert terms["register"]["holds_person_once"] is True
    assert [column.get("link") for column in terms["column"]] == [None, "name", None, None, None, "mobile", None]


def test_a_contract_that_links_nothing_keeps_the_digest_that_orders_pin() -> None:
    """Computed before contracts could say anything of linking."""
    assert contract.parse(PEOPLE).digest == "54f9c8c863cf91cd9d6442fd10c49c4ec0467585b45f821965d0afe29eaee656"
    assert not contract.parse(PEOPLE).links
