"""Word lists: what a service notice never needs to say is found; what it may need to say is left alone."""

import unicodedata

import pytest

from ariyippu.notice.documents import Text
from ariyippu.notice.lint import lint
from ariyippu.notice.lint.content import plain
from ariyippu.notice.lint.rules import rules
from tests.render.notices import COLUMNS, NOTICE, TERMS, with_texts

REFUSED = {
    "vote_appeal": (
        "Vote for the future of your land.",
        "Give us your valuable vote.",
        "Re-elect those who paid your arrears.",
        "Support this government on polling day.",
        "വോട്ട് നൽകി വൻ ഭൂരിപക്ഷത്തിൽ വിജയിപ്പിക്കുക.",
        "താങ്കളുടെ വിലയേറിയ വോട്ട് രേഖപ്പെടുത്തൂ.",
        "നാടിന്റെ നന്മയ്ക്ക് തുടർഭരണം.",
        "ഈ സർക്കാരിനെ പിന്തുണയ്ക്കുക.",
        "സർക്കാരിനൊപ്പം അണിനിരക്കാം.",
    ),
    "party": (
        "Our party keeps its word.",
        "The ruling front has sanctioned your arrears.",
        "Contact your party workers for help.",
        "Remember the election symbol.",
        "ഭരണമുന്നണി അനുവദിച്ച കുടിശ്ശിക",
        "പാർട്ടി പ്രവർത്തകരെ സമീപിക്കുക.",
        "ഞങ്ങളുടെ സ്ഥാനാർത്ഥി",
        "ഈ ചിഹ്നത്തിൽ വോട്ട് ചെയ്യുക.",
    ),
    "comparison": (
        "Unlike previous governments, we pay on time.",
        "The last government never paid your arrears.",
        "മുൻ സർക്കാരുകൾ നൽകാത്ത ആനുകൂല്യം",
        "മുൻസർക്കാർ ഇതൊന്നും ചെയ്തില്ല.",
    ),
    "government_gift": (
        "An Onam gift for every pensioner.",
        "This is the Government's gift to you.",
        "A gift from the State Government: your arrears.",
        "Thanks to this government, your arrears are paid.",
        "സർക്കാരിന്റെ സമ്മാനം",
        "സർക്കാർ വക സമ്മാനമായി 1,000 രൂപ",
        "എല്ലാവർക്കും ഓണസമ്മാനം",
    ),
    "achievement": (
        "Read about the achievements of this government.",
        "Another government achievement.",
        "We have kept our promise.",
        "Promises fulfilled.",
        "സർക്കാരിന്റെ നേട്ടങ്ങൾ അറിയുക.",
        "സർക്കാരിന്റെ അഭിമാനകരമായ നേട്ടം",
        "വികസനനേട്ടങ്ങൾ",
        "വാഗ്ദാനം പാലിച്ചു.",
        "പ്രകടനപത്രികയിൽ പറഞ്ഞത്",
    ),
    "years_of_rule": (
        "Five glorious years of this government.",
        "The Government completes four years.",
        "On the third anniversary of this government",
        "സർക്കാരിന്റെ നാലാം വാർഷികത്തിൽ",
        "സർക്കാരിന്റെ വാർഷികാഘോഷം",
        "പത്തു വർഷത്തെ ഭരണം",
    ),
    "leadership": (
        "Under the able leadership of the Hon'ble Chief Minister, arrears are paid.",
        "Under the leadership of our Chief Minister",
        "A vision of the Hon’ble Minister",
        "മുഖ്യമന്ത്രിയുടെ ധീരമായ നേതൃത്വത്തിൽ",
        "ധനമന്ത്രിയുടെ സ്വപ്നപദ്ധതി",
    ),
}
ADVISED = {
    "superlative": ("A historic decision.", "ചരിത്രത്തിലാദ്യമായി കുടിശ്ശിക അനുവദിച്ചു."),
    "achievement_word": ("An achievement certificate is attached.", "നേട്ടം"),
    "office_holder": ("As the Hon'ble Finance Minister announced", "ബഹു. ധനമന്ത്രി അറിയിച്ചു."),
    "campaign_link": ("See https://www.youtube.com/watch", "#KeralaFirst"),
    "shouting": ("Your arrears are here!",),
}
# What departments write, some of it close to the lists.
INNOCENT = (
    "Arrears of dearness allowance have been granted to you: ₹ 12,345.00. Sanction: G.O.(P) 27/2026.",
    "Government Order G.O.(P) No. 17/2024/Fin has been issued.",
    "No government servant shall be a member of a political party (conduct rules).",
    "Employees on election duty may apply for a postal ballot by Friday.",
    "Polling day is a public holiday. You can cast your vote between 7 a.m. and 6 p.m.",
    "Each party to the agreement shall sign; a third party cannot.",
    "The parties to the case will be heard on 4 March.",
    "Property tax for the half year is due on 31 March. Pay at https://tax.example/pay.",
    "A rebate for early payment is granted under section 12 of the Act.",
    "You have completed two years of service and are eligible for probation.",
    "Historic buildings and historic sites need a licence.",
    "A gift deed needs registration. Stamp duty on gifts of land is 8 %.",
    "No officer shall accept gifts from the government contractor.",
    "The application was rejected: the previous order of the Government stands.",
    "Orders of the previous Government Secretary were confirmed.",
    "The Chief Minister's relief fund accepts donations at any treasury.",
    "A team led by the Tahsildar will inspect on Monday.",
    "The annual report of the Government Press is due.",
    "Supporting documents are with the section. Support: call 0471 2550000.",
    "The bank will vote on the resolution. The voters' list is not part of this register.",
    "Ration card number 12; block #4, survey 117/2.",
    "Party wall and boundary wall need consent of the neighbour.",
    "താങ്കൾക്ക് ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു.",
    "സംസ്ഥാന സർക്കാരിന്റെ വാർഷിക റിപ്പോർട്ട് പ്രസിദ്ധീകരിച്ചു.",
    "സർക്കാർ ഉത്തരവ് നമ്പർ 27/2026",
    "സംസ്ഥാന സർക്കാരിന്റെ നേതൃത്വത്തിൽ നടപ്പാക്കുന്ന പദ്ധതി",
    "ജില്ലാ കളക്ടറുടെ നേതൃത്വത്തിൽ അദാലത്ത് നടക്കും.",
    "മുഖ്യമന്ത്രിയുടെ ദുരിതാശ്വാസ നിധിയിലേക്ക് സംഭാവന നൽകാം.",
    "വസ്തുനികുതി മാർച്ച് 31-നകം അടയ്ക്കുക.",
    "കേസിലെ കക്ഷികൾ ഹാജരാകണം.",
    "തിരഞ്ഞെടുപ്പ് ജോലിയിലുള്ളവർക്ക് തപാൽ വോട്ടിന് അപേക്ഷിക്കാം.",
    "സർക്കാർ ഭാഗ്യക്കുറി സമ്മാനത്തുകയ്ക്ക് നികുതി ബാധകമാണ്.",
    "മുന്നണിപ്പോരാളികൾക്കുള്ള അലവൻസ് അനുവദിച്ചു.",
    "അഞ്ചു വർഷത്തെ ഭരണപരിഷ്കാര റിപ്പോർട്ട് ലഭ്യമാണ്.",
    "മുൻ സർക്കാർ ഉത്തരവ് ഭേദഗതി ചെയ്തു.",
    "പരിപാടി വിജയിപ്പിക്കുന്നതിന് സഹകരിക്കുക.",
    "അപേക്ഷ നൽകാത്തവർ 15 ദിവസത്തിനകം നൽകണം.",
    "ധനമന്ത്രിയുടെ ഓഫീസിൽ നിന്നുള്ള കത്ത് ലഭിച്ചു.",
)


def found(text: str, purpose: str = NOTICE.purpose) -> set[str]:
    """The codes for an e-mail that says this in both languages' places."""
    notice = with_texts(email=(f"{NOTICE.email.ml}\n{text}", f"{NOTICE.email.en}\n{text}"))
    findings = lint(notice.model_copy(update={"purpose": purpose}), COLUMNS, TERMS)
    assert {finding.where for finding in findings} <= {"email.ml", "email.en"}
    return {finding.code for finding in findings}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in REFUSED.items() for text in texts])
def test_what_no_service_notice_needs_to_say_refuses(code: str, text: str) -> None:
    assert code in found(text)
    assert rules()[code].refuses


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in ADVISED.items() for text in texts])
def test_what_may_be_innocent_is_only_advised_against(code: str, text: str) -> None:
    assert found(text) == {code}
    assert not rules()[code].refuses


@pytest.mark.parametrize("text", INNOCENT)
def test_what_a_service_notice_may_need_to_say_is_left_alone(text: str) -> None:
    assert found(text) == set()


def test_every_list_has_examples() -> None:
    assert {code for code, rule in rules().items() if rule.pattern} == set(REFUSED) | set(ADVISED)
    assert all(rule.since for rule in rules().values() if rule.pattern)


def test_publicity_that_people_subscribed_to_may_praise_but_names_no_party() -> None:
    assert found("Read about the achievements of this government!", "ariyippu:achievements") == set()
    assert found("Our party keeps its word.", "ariyippu:achievements") == {"party"}


@pytest.mark.parametrize(
    "written",
    [
        "സര്\u200dക്കാരിന്റെ നേട്ടങ്ങള്\u200d",  # chillu letters in the older encoding
        "സർക്കാരിൻറെ നേട്ടങ്ങൾ",
        "സർക്കാരിൻ്റെ നേട്ടങ്ങൾ",
        "സർക്കാരിന്റെ\n  നേട്ടങ്ങൾ",
        "സർക്കാരി\u200cന്റെ നേട്ടങ്ങൾ",
        unicodedata.normalize("NFD", "സർക്കാരിന്റെ നേട്ടങ്ങൾ"),
    ],
)
def test_the_same_words_are_found_however_they_are_encoded(written: str) -> None:
    assert "achievement" in found(written)
    assert plain(written) == plain("സർക്കാരിന്റെ നേട്ടങ്ങൾ")


def test_a_list_reads_every_text_of_a_notice() -> None:
    words = "Promises fulfilled."
    for field in ("title", "subject", "sms", "contact"):
        notice = NOTICE.model_copy(update={field: Text(ml=words, en="x")})
        assert ("achievement", f"{field}.ml") in {(f.code, f.where) for f in lint(notice, COLUMNS, TERMS)}
