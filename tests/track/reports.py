"""Mail that comes back, as mail servers write it: RFC 3464 and RFC 5965, about an invented person."""

PERSON = "anu.zzz1@mail.example"
TEXT = "The mailbox of Anu Kizhakke is not here"


def bounce(
    token: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = f"smtp; 550 5.1.1 <{PERSON}>: {TEXT}",
    returned: str = "text/rfc822-headers",
) -> bytes:
    """A DSN about the message of this token, with as much of a person in it as such mail usually has."""
    recipient = (
        f"Final-Recipient: rfc822; {PERSON}\nOriginal-Recipient: rfc822;{PERSON}\nAction: {action}\nStatus: {status}\n"
    )
    if diagnostic:
        recipient += f"Diagnostic-Code: {diagnostic}\n"
    return report("delivery-status", f"Reporting-MTA: dns; relay.example\n\n{recipient}", token, returned)


def complaint(token: str, kind: str = "abuse") -> bytes:
    fields = f"Feedback-Type: {kind}\nUser-Agent: Invented/1\nVersion: 1\nOriginal-Rcpt-To: {PERSON}\n"
    return report("feedback-report", fields, token, "message/rfc822")


def report(kind: str, fields: str, token: str, returned: str) -> bytes:
    original = f"From: notices@ariyippu.example\nTo: {PERSON}\nMessage-ID: <{token}@ariyippu.example>\nSubject: x\n"
    body = f"\n{TEXT}\n" if returned == "message/rfc822" else ""
    mail = f"""\
From: MAILER-DAEMON@relay.example
To: bounces@ariyippu.example
Subject: {TEXT}
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="=_b"

--=_b
Content-Type: text/plain; charset=utf-8

{TEXT} ({PERSON}).

--=_b
Content-Type: message/{kind}

{fields}
--=_b
Content-Type: {returned}

{original}{body}
--=_b--
"""
    return mail.replace("\n", "\r\n").encode()
