"""The story, in the order of its dates. Each scene notes what came of it, and why.

31-12  a letter seeks a spreadsheet              24-02…  an undertaking, extended, narrowed, with leave
04-02  arrears are told: a sanction reference    10-03   lifted; people release what waits, one by one
10-02  publicity over the pay register           15-03…  an election: publicity stops, dues flow
20-02  a pay bill triggers a standing order      05-05   a stay's end releases nothing
"""

import datetime as dt
from collections.abc import Sequence

from ariyippu import flow
from ariyippu.base.clock import INDIA
from ariyippu.base.documents import Document
from ariyippu.demo import cast
from ariyippu.demo.replay import asked, papers, setting
from ariyippu.demo.replay.account import Account, What, by_reason
from ariyippu.demo.replay.stage import Interruption, Stage, in_hand, refusal_of, sent
from ariyippu.grant.documents import Refusal, UseRequest
from ariyippu.notice.documents import Notice
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Scope, Stay
from ariyippu.track.models import StoppedRow

PAY = ("finance-pay-under-secretary", "spark-pmu-head", "data-centre-custodian")
PENSIONS = ("finance-pay-under-secretary", "prism-cell-head", "data-centre-custodian")
TAX = ("local-tax-officer", "local-self-government-director", "data-centre-custodian")
NEWS = ("publicity-officer", "news-desk-editor", "data-centre-custodian")
ABUSE = ("publicity-officer", "spark-pmu-head", "data-centre-custodian")
LINKING = ("it-mission-officer", "spark-pmu-head", "prism-cell-head", "local-self-government-director", PAY[2])
LIAISON, QUORUM = ("court-registry-liaison",), ("court-registry-liaison", "spark-pmu-head", "data-centre-custodian")
COMMISSION = ("election-officer",)

PAY_FIELDS = (*cast.REGISTER_FIELDS, "service_status")
PENSION_FIELDS = ("name", "dr_arrears", "sanction_reference", "mobile", "email")
TAX_FIELDS = ("assessment_no", "half_year", "due_on", "tax", "paid", "mobile", "email")
NEWS_FIELDS = ("district", "mobile", "email")
LETTER = "K-SMART's contacts as a spreadsheet, by 12-02"
STAYED_AT = 250  # the message at which the undertaking arrives
CREDITED = (150, 110, 200)  # employees whose arrears a bill credits: the third is over the ceiling


class Story:
    """The scenes. What a later one needs of an earlier one is kept here."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.account = Account()
        self.day = ""
        self.grants: dict[str, UseRequest] = {}

    def tell(self) -> Account:
        self._before()
        letter = self._letter()
        self._arrears()
        self._achievements()
        self._deadline(letter)
        self._bill()
        stay = self._undertaking()
        self._narrowed(stay)
        self._leave(stay)
        self._march_bill()
        self._dismissed(stay)
        self._over_the_ceiling()
        self._election_is_near()
        self._restraint()
        self._after()
        return self.account

    # --- until the undertaking -------------------------------------------------------------------------

    def _before(self) -> None:
        """Who everybody is, registers, their linking, and what offices were granted before."""
        stage = self.stage
        self._at("2025-12-30")
        stage.submit(setting.trust(stage.cast), cast.ROOTS[: cast.ROOT_THRESHOLD])
        setting.write_registers(stage.files)
        for register in papers.REGISTERS:
            stage.load(register, stage.files / f"{register}.csv")
        stage.load(str(papers.NEWS), stage.files / "news.csv")
        linking = papers.linking()
        stage.submit(linking, LINKING)
        stage.turn()
        stage.link(linking)
        self._grant("pay", PAY, "ariyippu:salary-and-benefit", "spark", PAY_FIELDS)
        self._grant("pension", PENSIONS, "ariyippu:pension", "prism", PENSION_FIELDS)
        self._grant("tax", TAX, "ariyippu:property-tax-due", "ksmart-property", TAX_FIELDS)

    def _letter(self) -> UseRequest:
        """A spreadsheet of contacts is sought by 12-02. There is no such thing; and the letter is public."""
        self._at("2025-12-31")
        letter = papers.letter()
        self._refused(LETTER, letter, ["it-mission-officer"])
        self._at("2026-01-05")
        no = Refusal(
            id="no-spreadsheet",
            office="local-self-government",
            request=self.stage.cast.sign(letter, ["it-mission-officer"]),
            reason_en="Contacts are not handed out, and publicity is not what they were given for.",
            reason_ml="വിലാസങ്ങൾ പുറത്തു നൽകാറില്ല; അവ പ്രചാരണത്തിനായി നൽകിയവയുമല്ല.",
        )
        self.stage.submit(no, ["local-self-government-director"])
        self._note("refused", LETTER, "the register's owner says no, in public")
        return letter

    def _deadline(self, letter: UseRequest) -> None:
        self._at("2026-02-12")
        self._refused("the letter's deadline is over; it is handed in again", letter, ["it-mission-officer"])

    def _arrears(self) -> None:
        """Employees and pensioners with a sanction reference are told. A standing order is approved, once."""
        self._at("2026-02-04")
        self._send(self._order(papers.dearness_allowance("da-february"), "pay", PAY))
        self._send(self._order(papers.dearness_relief("dr-february"), "pension", PENSIONS))
        credited = papers.dearness_allowance("arrears-credited")
        standing = papers.standing_order(credited, self.grants["pay"], self.stage.registers["spark"].contract)
        self.stage.submit(standing, PAY, credited)
        self._note("fact", "standing order arrears-credited", "approved once, by three offices")

    def _achievements(self) -> None:
        """Publicity over the pay register: whatever it is called. To subscribers it goes, where no election is on."""
        self._at("2026-02-09")
        self.stage.submit(
            papers.restraint("by-election", _midnight("2026-02-09"), _midnight("2026-02-20"), districts=["WAYANAD"]),
            COMMISSION,
        )
        self._note("fact", "by-election in WAYANAD, until 19-02", "restraint of one district")
        self._at("2026-02-10")
        self._grant("news", NEWS, "ariyippu:achievements", "news-subscribers", NEWS_FIELDS)
        disguised = papers.achievements_as_salary()
        order = self.stage.order_document(disguised, self.grants["pay"])
        self._refused("achievements over SPARK's contacts, called a salary notice", order, PAY, disguised)
        grant = papers.request(
            "spark-publicity", purpose="ariyippu:achievements", office="publicity", register="spark", fields=PAY_FIELDS
        )
        self.stage.submit(grant, ABUSE)
        honest = cast.publicity_notice()
        order = self.stage.order_document(honest, grant)
        self._refused("achievements over SPARK's contacts, called publicity", order, ABUSE, honest)
        name = self._order(papers.news("news-february"), "news", NEWS)
        self.stage.later(days=1)
        self._send(name)

    def _bill(self) -> None:
        """A pay bill credits arrears: the register's next snapshot triggers the standing order, for them alone."""
        self._at("2026-02-20")
        self._credit("spark.csv", "spark-20-02.csv", CREDITED[0])
        self._send("arrears-credited-t1")

    # --- the undertaking -------------------------------------------------------------------------------

    def _undertaking(self) -> Stay:
        """Until 27-02 nothing is sent: it arrives while messages are handed off. Extended to 02-03 by one key."""
        stage = self.stage
        self._at("2026-02-23")
        self._order(papers.housing_advance(), "pay", PAY)
        self._at("2026-02-24")
        for notice, grant, who in (  # they still cool off when the undertaking arrives
            (papers.property_tax("property-tax"), "tax", TAX),
            (papers.tax_statement(), "pay", PAY),
        ):
            stage.submit(stage.order_document(notice, self.grants[grant]), who, notice)
        placed: list[Stay] = []

        def arrives() -> None:
            placed.append(papers.undertaking(_midnight("2026-02-28")))
            stage.submit(placed[0], LIAISON)

        court = Interruption(STAYED_AT, arrives)
        with stage.working(court):
            stage.until(lambda: court.over.is_set() and not in_hand(), "the undertaking does not arrive")
        stage.turn()
        (stay,) = placed
        for stopped in StoppedRow.objects.filter(stay=stay.digest(), number=0).order_by("pk"):
            name = OrderRow.objects.get(digest=stopped.order).order_id
            before = f"{stopped.handed_off:,} had left, {stopped.in_hand:,} were in hand; these wait"
            undecided = "nobody is decided about yet"
            self._note("stopped", name, undecided if stopped.waiting is None else before, stopped.waiting)
        self._at("2026-02-27")
        stage.submit(papers.amended(stay, 1, Scope(), _midnight("2026-03-03")), LIAISON)
        self._at("2026-03-01")
        stage.stands_still()
        self._note("stopped", "everything, until 02-03", "undertaking, extended by one key; nothing leaves")
        return stay

    def _narrowed(self, stay: Stay) -> None:
        """To what comes from SPARK: the quorum signs. Reminders of property tax go on, once a person lets them."""
        self._at("2026-03-02")
        narrower = papers.amended(stay, 2, Scope(register="spark"), None)
        self._refused("the undertaking is narrowed by the court's liaison alone", narrower, LIAISON)
        self.stage.submit(narrower, QUORUM)
        self._note("let go", "whatever does not come from SPARK", "narrowed by authority, owner and custodian")
        self.stage.stands_still()
        self._release_in_vain("housing-advance-1")
        self._release("property-tax-1")

    def _leave(self, stay: Stay) -> None:
        """For one notice."""
        self._at("2026-03-04")
        leave = papers.amended(stay, 3, Scope(register="spark"), None, papers.housing_advance())
        self._refused("leave for the housing advance, without the court's liaison", leave, PAY[1:])
        self.stage.submit(leave, QUORUM)
        self._note("let go", "housing-advance-1", "leave for this one notice")
        self._release("housing-advance-1")
        self._release_in_vain("tax-statement-1")

    def _march_bill(self) -> None:
        """The standing order is triggered meanwhile, and waits."""
        self._at("2026-03-06")
        self._credit("spark-20-02.csv", "spark-06-03.csv", CREDITED[1])
        self.stage.stands_still()
        self._note("stopped", "arrears-credited-t2", "triggered by the March bill; waits for the undertaking")

    def _dismissed(self, stay: Stay) -> None:
        self._at("2026-03-10")
        self._refused("the undertaking is lifted by one key", papers.dismissed(stay), LIAISON)
        self.stage.submit(papers.dismissed(stay), QUORUM)
        self._note("let go", "everything", "petition dismissed; lifted by authority, owner and custodian")
        self.stage.stands_still()
        self._release("tax-statement-1")
        self._release("arrears-credited-t2")

    def _over_the_ceiling(self) -> None:
        self._at("2026-03-12")
        self._credit("spark-06-03.csv", "spark-12-03.csv", CREDITED[2])
        self._note("refused", "arrears-credited-t3", self.stage.failure("arrears-credited-t3"))

    # --- the election ----------------------------------------------------------------------------------

    def _election_is_near(self) -> None:
        """Its restraint is placed a day ahead: a message to a phone that is off must not arrive within it.

        What left before anyone knew of it is recalled when it begins; what leaves later is valid until then.
        """
        self._at("2026-03-13")
        before = self._order(papers.news("news-march"), "news", NEWS)
        self._at("2026-03-13", hour=19)
        name = self._order(papers.news("news-march-evening"), "news", NEWS)
        self._at("2026-03-14", hour=16)
        self._send(before)
        self._at("2026-03-14", hour=18)
        election = papers.restraint("election", _midnight("2026-03-15"), _midnight("2026-05-05"))
        self.stage.submit(election, COMMISSION)
        self._at("2026-03-14", hour=20)
        self._send(name)
        self._at("2026-03-15", hour=0)
        self.stage.await_receipts(before)
        self.stage.await_receipts(name)
        recalled = self.stage.outcomes(before)["recalled"]
        self._note("stopped", f"{before}: recalled from the SMS centre at midnight", "valid beyond it", recalled)
        expired = self.stage.outcomes(name)["undelivered"]
        self._note("fact", f"{name}: expired at the SMS centre at midnight", "valid until the restraint began", expired)

    def _restraint(self) -> None:
        self._at("2026-03-16")
        name = self._order(papers.news("news-in-restraint"), "news", NEWS, days=4)
        self._at("2026-03-18")
        self.stage.stands_still()
        self._at("2026-03-20")
        self._send(self._order(papers.dearness_relief("dr-march"), "pension", PENSIONS))
        self._at("2026-03-22")
        self._note("stopped", name, "the election's restraint, until its end", sent(self.stage.outcomes(name)))
        self._send(self._order(papers.property_tax("property-tax-due-31-03"), "tax", TAX))
        self._at("2026-05-01")
        self._order(papers.news("news-may"), "news", NEWS)

    def _after(self) -> None:
        self._at("2026-05-05")
        self.stage.stands_still()
        self._note("stopped", "news-may-1", "the restraint is over, and releases nothing")
        self._release("news-may-1")
        self._note("fact", "ariyippu why property-tax", asked.of_notice("property-tax"))
        self._note("fact", "the first who was told asks why", asked.of_first_mail(self.stage))

    # --- what scenes are made of -----------------------------------------------------------------------

    def _at(self, day: str, hour: int = 11) -> None:
        self.day = day
        self.stage.at(day, hour)

    def _note(self, what: What, about: str, why: str, messages: int | None = None) -> None:
        self.account.note(self.day, what, about, why, messages)

    def _grant(self, name: str, who: Sequence[str], purpose: str, register: str, fields: Sequence[str]) -> None:
        office = cast.CAST[who[0]][0]
        self.grants[name] = papers.request(name, office=office, purpose=purpose, register=register, fields=fields)
        self.stage.submit(self.grants[name], who)

    def _refused(self, about: str, document: Document, who: Sequence[str], notice: Notice | None = None) -> None:
        self._note("refused", about, refusal_of(lambda: self.stage.submit(document, who, notice)))

    def _order(self, notice: Notice, grant: str, who: Sequence[str], *, days: int = 30) -> str:
        """An order that everybody signed; its name."""
        document = self.stage.order_document(notice, self.grants[grant], days=days)
        self.stage.submit(document, who, notice)
        self.stage.later(hours=3)
        return document.id

    def _send(self, order: str) -> None:
        """The order, which has cooled off, is sent to its end."""
        outcomes = self.stage.send(order)
        self._note("sent", order, by_reason(self.stage.reasons(order)), sent(outcomes))

    def _credit(self, before: str, after: str, count: int) -> None:
        setting.credit(self.stage.files, before, after, count)
        self.stage.load("spark", self.stage.files / after)
        self.stage.turn()
        self.stage.later(hours=3)

    def _release(self, order: str) -> None:
        """A person lets it go on, and it is sent to its end."""
        before = sent(self.stage.outcomes(order))
        flow.release(order, self.stage.home)
        outcomes = self.stage.send(order)
        self._note("let go", order, "released by a person", sent(outcomes) - before)
        self._note("sent", order, by_reason(self.stage.reasons(order)), sent(outcomes))

    def _release_in_vain(self, order: str) -> None:
        code = refusal_of(lambda: flow.release(order, self.stage.home))
        self._note("refused", f"{order} is to be released", code)


def _midnight(day: str) -> dt.datetime:
    """The beginning of the day, in Indian time."""
    return dt.datetime.fromisoformat(day).replace(tzinfo=INDIA)
