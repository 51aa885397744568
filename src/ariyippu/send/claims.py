"""One message to a person whom several registers know, also when two orders hand off at the same moment.

    take()     before a window: whoever another register was telling or told for this purpose is left out
    settle()   after a batch: whom its messages reached, or may have, is told; the others are free again

A claim says that a batch's position is about to tell a person. It counts while its batch is in a worker's
hands; afterwards the position's outcome says what came of it, and takes the claim's place. So nothing has to
happen for a claim to end: what a crash leaves, the next claim of that person settles.

Within one register nothing is claimed against anything: two buildings of one owner are two notices.
"""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from ariyippu.policy import objections
from ariyippu.policy.objections import PersonTold
from ariyippu.send.lease import Lease
from ariyippu.send.window import TOLD


def take(held: Lease, positions: Sequence[int], persons: Mapping[int, bytes]) -> list[int]:
    """Of these positions, those that may be handed off now; `persons`: by position, whom other registers know too.

    Who is left out is being told by another register at this moment, or was told: the next lease knows which.
    """
    wanted = {position: persons[position] for position in positions if position in persons}
    if not wanted:
        return list(positions)
    order, asked = held.verified.order, list(wanted.values())
    with transaction.atomic(), connection.cursor() as cursor:
        # Of two batches for one purpose, one is first; what it claimed, or told, the other one sees.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('claim ' || %s, 0))", [order.purpose])
        _settle("c.person = any(%s)", asked)
        cursor.execute(
            "select person from send_claim where purpose = %s and register <> %s and person = any(%s)",
            [order.purpose, order.register, asked],
        )
        others = {bytes(person) for (person,) in cursor.fetchall()} | objections.told_elsewhere(order, asked)
        free = [position for position, person in wanted.items() if person not in others]
        cursor.execute(
            """insert into send_claim (batch_id, position, person, register, purpose)
               select %s, position, person, %s, %s from unnest(%s::int[], %s::bytea[]) as free (position, person)
               on conflict do nothing""",
            [held.batch.pk, order.register, order.purpose, free, [wanted[position] for position in free]],
        )
    return [position for position in positions if position not in wanted or position in free]


def settle(batch: int) -> None:
    """Turn a batch's claims into what came of them. Nothing happens while a worker has the batch."""
    with transaction.atomic():
        _settle("b.id = %s", batch)


def tell_doubts(held: Lease, persons: Sequence[bytes]) -> None:
    """Whom a dead worker may have told counts as told, also where its claims are lost."""
    order = held.verified.order
    objections.record_persons([PersonTold(person, order.register, order.purpose) for person in persons])


def _settle(which: str, value: int | list[bytes]) -> None:
    """End the claims of batches that are in nobody's hands; a dead worker's may have told whomever they claimed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""with ended as (
                    delete from send_claim c using send_batch b
                    where b.id = c.batch_id and {which}
                        and (b.state <> 'leased' or b.lease_until is null or b.lease_until < now())
                    returning c.batch_id, c.position, c.person, c.register, c.purpose, b.state)
                select e.person, e.register, e.purpose
                from ended e left join send_outcome o on o.batch_id = e.batch_id and o.position = e.position
                where o.outcome = any(%s) or (o.outcome is null and e.state = 'leased')""",  # noqa: S608  a constant of this module
            [value, list(TOLD)],
        )
        objections.record_persons([PersonTold(bytes(person), *where) for person, *where in cursor.fetchall()])
