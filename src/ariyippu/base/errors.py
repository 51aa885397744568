"""The error tree.

    AriyippuError
    ├── RefusedError     a person can fix it: a stable code, and a message to show or translate
    ├── TransientError   try again later
    └── PermanentError   do not try again

Anything else that is raised is a bug and ends the process loudly. Messages never hold a personal
value: they say what was wrong, where, and what to do.
"""


class AriyippuError(Exception):
    """Root of the errors that this project raises on purpose."""


class RefusedError(AriyippuError):
    """A request was refused.

    `code` is stable and dotted ("order.not_in_window"); programs and translations rely on it.
    `message` is one English sentence for a person, without personal values.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} [{code}]")
        self.code = code
        self.message = message


class TransientError(AriyippuError):
    """It failed now and may work later; nothing was half done."""


class PermanentError(AriyippuError):
    """It failed and will fail again: do not retry."""
