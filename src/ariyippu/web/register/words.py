"""What codes are called on the pages. A code without a word here is shown as it is."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = Mapping[str, str | Promise]

STATES: Words = {
    "announced": _("Announced, nothing sent yet"),
    "sending": _("Being sent"),
    "stayed": _("Stopped by a stay"),
    "failed": _("Came to nothing"),
    "expired": _("Its time ended before anything was sent"),
    "handed_off": _("Handed over for delivery"),
}

REQUEST_STATES: Words = {
    "asked": _("Asked, not answered yet"),
    "refused": _("Refused"),
    "granted": _("Granted"),
    "used": _("Granted and used"),
    "expired": _("Expired"),
    "withdrawn": _("Withdrawn"),
}

REASONS: Words = {
    "order_not_in_force": _("The order was not in force"),
    "stayed": _("A stay stopped it"),
    "restrained": _("The restraint of an election stopped it"),
    "purpose_not_covered": _("The contact was collected for another purpose"),
    "protected": _("Protected person"),
    "protected_linked": _("Protected by a record that is, or may be, the same person's"),
    "deceased": _("Recorded as deceased"),
    "deceased_linked": _("Recorded as deceased in a record that is, or may be, the same person's"),
    "minor": _("Recorded as under eighteen"),
    "erased": _("Had asked to be erased"),
    "erased_linked": _("Had asked to be erased at a record that is, or may be, the same person's"),
    "objected": _("Had objected to such notices"),
    "objected_linked": _("Had objected at a record that is, or may be, the same person's"),
    "no_contact": _("The register has no contact"),
    "no_consent": _("Had not subscribed to such notices"),
    "contact_stale": _("Nobody had verified the contact for eighteen months"),
    "contact_suspended": _("The contact is suspended: nobody has it, or somebody else has"),
    "told_recently": _("Was told a short time ago"),
    "told_linked": _("Was told a short time ago from another register"),
    "capped": _("Had been told as often as is allowed in a month"),
    "contact_shared": _("The same message goes to somebody else with the same contact"),
}

BASES: Words = {
    "law": _("an act, service rule or government order"),
    "consent": _("consent"),
    "dpdp": _("section 7 of the Digital Personal Data Protection Act 2023"),
}

CHANNELS: Words = {"email": _("E-mail"), "sms": _("SMS"), "inbox": _("The person's own page")}

OUTCOMES: Words = {
    "accepted": _("Accepted for delivery, no receipt"),
    "waiting": _("Not sent"),
    "delivered": _("Delivered"),
    "undelivered": _("Could not be delivered"),
    "recalled": _("Recalled: the provider cancelled it before it arrived"),
    "refused": _("Refused by the provider"),
    "unknown": _("Unknown: it may or may not have arrived, and is not sent again"),
    "gave_up": _("Given up after several attempts"),
    "withheld": _(
        "Held back: meanwhile the person objected, asked to be erased or was told, or the contact was suspended"
    ),
}

DIFFERENCES: Words = {
    "never_sent": _("On the bill, and not sent here"),
    "not_billed": _("Sent, and not on the bill"),
    "double": _("On the bill twice"),
    "other_segments": _("Charged as more or fewer parts"),
    "other_charge": _("Charged at another price"),
    "out_of_period": _("Of another time than the bill's"),
    "other_recipient": _("Charged for another recipient"),
}

ROLES: Words = {
    "requester": _("Requesting office"),
    "principal": _("Office for which it is asked"),
    "register_owner": _("Owner of the register"),
    "custodian": _("Custodian"),
    "court_liaison": _("Court liaison"),
    "election_officer": _("Election officer"),
}

DOCUMENT_KINDS: Words = {
    "use-request": _("Use request"),
    "question": _("Question of how many"),
    "refusal": _("Refusal of a use request"),
    "withdrawal": _("Withdrawal of a use request"),
    "order": _("Order"),
    "standing-order": _("Standing order"),
    "stay": _("Stay"),
    "amendment": _("Amendment of a stay"),
    "confirmation": _("Confirmation of a paper order"),
    "lift": _("Lift of a stay"),
    "roots": _("Root keys"),
    "trust": _("Trust document"),
    "settlement": _("Settlement of an uncertain pair"),
}

ENTRY_KINDS: Words = {
    "use-request": _("Use request"),
    "request-refused": _("Use request refused by an officer"),
    "withdrawal": _("Use request withdrawn"),
    "order": _("Order accepted"),
    "standing-order": _("Standing order accepted"),
    "trigger": _("Standing order triggered"),
    "linked": _("Records linked to persons"),
    "settlement": _("Uncertain pair settled"),
    "audience": _("Audience decided"),
    "counted": _("Counts told to offices"),
    "expired": _("Its time ended before anything was sent"),
    "handed-off": _("Messages handed over"),
    "release": _("Released after a stay"),
    "doubts": _("Unknown messages given up, or sent again"),
    "bill": _("A carrier's bill held against what left"),
    "hold": _("Sending paused or resumed by the custodian"),
    "stay": _("Stay placed"),
    "amendment": _("Stay changed"),
    "confirmation": _("Paper order confirmed"),
    "lift": _("Stay lifted"),
    "stopped": _("What was stopped, counted"),
    "recalled": _("What was recalled, counted"),
    "refusal": _("Refused"),
    "failed": _("Came to nothing"),
}

WITHHELD: Words = {
    "narrow": _("Withheld: a part of the question concerns fewer than ten records"),
    "near": _("Withheld: it differs too little from an earlier question"),
}

ADVICE: Words = {
    "variable_share": _("a large part of the SMS is filled in"),
    "dlt_unchecked": _("the SMS was not compared with what the operators have registered"),
    "superlative": _("the text praises"),
    "achievement_word": _("the text speaks of achievements"),
    "office_holder": _("the text names a minister"),
    "campaign_link": _("the text leads to a social or video site"),
    "shouting": _("the text has exclamation marks"),
}


def _each(said: Promise, *codes: str) -> Words:
    return dict.fromkeys((f"notice.{code}" for code in codes), said)


_TEXTS: Words = {
    **_each(
        _("A placeholder of the text is not declared, or not the same in both languages."),
        *("malformed", "parity", "unknown_placeholder", "unused_placeholder", "doubled_placeholder"),
        *("unknown_column", "wrong_type", "placeholder_in_subject", "placeholder_in_contact"),
    ),
    **_each(
        _("The text has a form in which it cannot be sent."),
        *("hidden_character", "line_break_in_subject", "long_line", "sms_too_long", "doubled_space"),
    ),
    **_each(
        _("The text does not say whom to ask, where, and how to correct, object or complain."),
        *("no_business_contact", "no_link", "no_rights"),
    ),
    **_each(
        _("The SMS is not as it was registered with the operators."),
        *("dlt_no_template", "dlt_unknown_template", "dlt_entity", "dlt_header", "dlt_text", "dlt_link"),
    ),
    **_each(_("The text advertises a government."), "achievement", "years_of_rule", "leadership"),
    "notice.vote_appeal": _("The text asks for votes or support."),
    "notice.party": _("The text speaks for a party or shows its symbol."),
    "notice.comparison": _("The text compares with earlier governments."),
    "notice.government_gift": _("The text calls what people are owed a gift."),
}
_NO_STAY = _("There is no such stay.")
_SIGNATURE_INVALID = _("A signature does not fit the document.")
_LAW_NOT_IN_FORCE = _("The law that it rests on is not in force.")
_NOT_COVERED = _("The contacts were not collected for this purpose or for one above it.")

REFUSALS: Words = {
    "order.purpose_not_covered": _NOT_COVERED,
    "audience.altered": _("What was decided was altered afterwards."),
    "contract.not_approved": _("The terms of the register were not approved."),
    "file.damaged": _("The register's copy was damaged."),
    "persons.damaged": _("What says which records are one person's was damaged."),
    **_TEXTS,
    "question.over_budget": _("The office has asked often enough about this copy of the register."),
    "question.other_register": _("The question names a copy of another register."),
    "criteria.protected_class": _("The conditions would single out protected persons."),
    **dict.fromkeys(
        ("criteria.malformed", "criteria.unknown_field", "criteria.wrong_type", "criteria.too_large"),
        _("The conditions that choose people cannot be read."),
    ),
    "order.law_not_in_force": _LAW_NOT_IN_FORCE,
    "legal_basis.not_in_force": _LAW_NOT_IN_FORCE,
    "legal_basis.other_kind": _("This purpose may not rest on such a basis."),
    "legal_basis.unknown_clause": _("Section 7 has no such clause to rest on."),
    "legal_basis.not_notified": _("The reference and date of the database's notification are missing."),
    "stay.unknown_scope": _("The stay names a register, office, notice or order that is not known."),
    "standing.no_snapshot": _("No copy of the register is there under the terms that it names."),
    "standing.doubled": _("Another standing order already has this name."),
    "order.altered": _("What was kept is not what was signed."),
    "order.over_cost": _("It could cost more than the order allows."),
    "order.cohort_too_small": _("Fewer than ten people would be concerned: an order is not for single persons."),
    "order.corrects_unknown": _("It corrects an order that is not known."),
    "order.corrects_other": _("It corrects an order of another office, register or purpose."),
    "order.corrects_some": _("A correction goes to everyone whom the wrong notice reached."),
    "order.no_carrier": _("No carrier of one of its channels may be used for this purpose."),
    "order.over_cap": _("More people would be told than the order allows."),
    "order.not_in_window": _("The period in which the order may be carried out is over."),
    "order.other_notice": _("The text is not the one that was signed."),
    "order.other_contract": _("The records were loaded under other terms than the order names."),
    "order.not_linked": _("The registers were not linked under a permission that is in force."),
    "order.doubled": _("Another order already has this name."),
    "grant.missing": _("No use request was granted for this."),
    "grant.withdrawn": _("The office that had asked withdrew its use request."),
    "grant.refused": _("An officer who had to sign the use request refused it."),
    "use_request.refused": _("An officer who had to sign the use request refused it."),
    "refusal.not_asked": _("The office that is said to have asked did not sign the use request."),
    "refusal.no_authority": _("The signer is neither of the register's owner nor of a custodian."),
    "refusal.granted": _("The use request had been granted already."),
    "withdrawal.not_granted": _("There is no such permission."),
    "withdrawal.not_the_requester": _("The signer is not of the office that had asked."),
    "grant.not_in_force": _("The permission to use the register is not in force."),
    "grant.other_office": _("The permission was given to another office."),
    "grant.other_purpose": _("The permission was given for another purpose."),
    "grant.field_not_granted": _("A field of the register is used for which no permission was given."),
    "purpose.unsatisfiable": _("Nothing permits this purpose, whoever signs."),
    "purpose.unknown": _("The published list has no such purpose."),
    "signature.missing_role": _("An office that must sign did not sign."),
    "signature.invalid": _SIGNATURE_INVALID,
    "signature.unknown_key": _("A signature is by a key that is not in the trust document."),
    "signature.key_not_valid": _("A signer's key was not valid at that time."),
    "signature.doubled": _("The same key signed twice."),
    "register.no_owner": _("No office is known as the owner of this register."),
    "trust.expired": _("The trust document was not in force."),
    "trust.no_threshold": _("The trust document names no signers for this."),
    "signature.revoked_key": _("A signature is by a key that was revoked."),
    "trust.rollback": _("A newer trust document was in force."),
    "trust.revocation_dropped": _("A key that was revoked is left out of the revoked ones."),
    "roots.out_of_turn": _("The root keys are not the next version."),
    "roots.too_few": _("Too few of the old or of the new root keys signed."),
    "trust.too_few_roots": _("Too few root keys signed the trust document."),
    "stay.no_authority": _("The signer has no authority to place a stay."),
    "stay.doubled": _("Another stay already has this name."),
    "lift.no_stay": _NO_STAY,
    "lift.not_its_authority": _("The authority that placed the stay did not sign its lift."),
    "amendment.no_stay": _NO_STAY,
    "amendment.not_its_authority": _("The authority that placed the stay did not sign its amendment."),
    "amendment.over": _("The stay had ended already."),
    "amendment.out_of_turn": _("Another amendment of the stay came before it."),
    "confirmation.no_stay": _NO_STAY,
    "confirmation.no_paper": _("The stay was not entered from a paper order."),
    "confirmation.other_paper": _("The paper that was compared is not the stay's."),
    "confirmation.not_another_person": _("Who entered a paper order cannot confirm it."),
    "settlement.doubled": _("Another settlement already has this name."),
    "use_request.doubled": _("Another use request already has this name."),
    "document.invalid": _("The document does not have the prescribed form."),
    "document.wrong_kind": _("The document is of another kind than was expected."),
    "envelope.invalid": _("What came in is not a signed document."),
}

DISTRICTS: Words = {
    "ALAPPUZHA": _("Alappuzha"),
    "ERNAKULAM": _("Ernakulam"),
    "IDUKKI": _("Idukki"),
    "KANNUR": _("Kannur"),
    "KASARAGOD": _("Kasaragod"),
    "KOLLAM": _("Kollam"),
    "KOTTAYAM": _("Kottayam"),
    "KOZHIKODE": _("Kozhikode"),
    "MALAPPURAM": _("Malappuram"),
    "PALAKKAD": _("Palakkad"),
    "PATHANAMTHITTA": _("Pathanamthitta"),
    "THIRUVANANTHAPURAM": _("Thiruvananthapuram"),
    "THRISSUR": _("Thrissur"),
    "WAYANAD": _("Wayanad"),
}

TABLES: Mapping[str, Words] = {
    "state": STATES,
    "reason": REASONS,
    "channel": CHANNELS,
    "outcome": OUTCOMES,
    "role": ROLES,
    "document": DOCUMENT_KINDS,
    "entry": ENTRY_KINDS,
    "request": REQUEST_STATES,
    "basis": BASES,
    "refusal": REFUSALS,
    "advice": ADVICE,
    "district": DISTRICTS,
    "withheld": WITHHELD,
    "difference": DIFFERENCES,
}
