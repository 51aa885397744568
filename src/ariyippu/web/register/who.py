"""Who signed what, as the log tells it: by the trust document of that time alone. Pure."""

import datetime as dt

from ariyippu.base.documents import Envelope, OfficerKey, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import delegated, signers
from ariyippu.web.register.shown.parts import Both, Signer

# Entries hold whole seconds, rounded down: what happened within that second had happened at its end.
_END_OF_SECOND = dt.timedelta(microseconds=999_999)


class Who:
    """The trust document that holds so far in the log, and every office that one of them named."""

    def __init__(self) -> None:
        self.trust: Trust | None = None
        self._offices: dict[str, Both] = {}

    def take(self, trust: Trust) -> None:
        """It is in force from here on."""
        self.trust = trust
        self._offices |= {office.id: Both(office.name_ml, office.name_en) for office in trust.offices}

    def office(self, office: str) -> Both:
        return self._offices.get(office, Both(office, office))

    def owner(self, register: str) -> Both:
        """The office that owns a register."""
        return self.office(self.trust.registers.get(register, register) if self.trust else register)

    def signers(self, envelope: Envelope, at: dt.datetime) -> tuple[Signer, ...]:
        """Whose signature holds, one by one: a refused document may have others, too. `at`: its entry's time."""
        if self.trust is None:
            return ()
        found: dict[str, Signer] = {}
        for signature in envelope.signatures:
            alone = envelope.model_copy(update={"signatures": (signature,)})
            try:
                (key,) = signers(alone, self.trust, at + _END_OF_SECOND)
            except (RefusedError, ValueError):
                continue
            for_whom = _acting_for(key, self.trust, at + _END_OF_SECOND)
            found[key.key_id] = Signer(key.person, self.office(key.office), key.roles, for_whom)
        return tuple(found.values())


def _acting_for(key: OfficerKey, trust: Trust, at: dt.datetime) -> tuple[str, ...]:
    """Whose delegate the key's officer was."""
    people = {other.key_id: other.person for other in trust.keys}
    return tuple(people[delegation.from_key] for delegation in delegated(key, trust, at))
