"""A person's STOP in a deliver_sm (SMPP 3.4, 4.6): the one answer to an SMS that is read. Pure.

Whatever else people write is kept nowhere; the words are compared here and go no further.
"""

import unicodedata

from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.answers import Stop

# In both encodings of the chillu (Unicode's atomic one, and consonant, virama, joiner). നിർത്തുക, നിർത്തൂ: stop.
_ATOMIC, _JOINED = "\u0d7c", "\u0d30\u0d4d\u200d"
_MALAYALAM = (f"നി{_ATOMIC}ത്തുക", f"നി{_ATOMIC}ത്തൂ", "വേണ്ട", "സ്റ്റോപ്പ്")
WORDS = frozenset({"stop", "unsubscribe", *_MALAYALAM})
MAX_CHARACTERS = 40


def parse_stop(body: bytes) -> Stop | None:
    """Who wants no more, or None when the message says anything else."""
    try:
        message = pdu.unpack_message(body)
    except pdu.MalformedError:
        return None
    if message.esm_class & (pdu.ESM_RECEIPT_MASK | pdu.ESM_UDH):
        return None
    encoding = "utf-16-be" if message.data_coding == pdu.CODING_UCS2 else "latin-1"
    return Stop(message.source) if is_stop(message.payload.decode(encoding, "replace")) else None


def is_stop(text: str) -> bool:
    """Whether the text is one of the words, and nothing else but blanks and punctuation around it."""
    if len(text) > MAX_CHARACTERS:
        return False
    written = unicodedata.normalize("NFC", text).replace(_JOINED, _ATOMIC).casefold()
    return written.strip(" \t\r\n\"'.,!*-") in WORDS
