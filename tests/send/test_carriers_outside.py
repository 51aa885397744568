"""The demo's outside world as a process: ports, password, and everything on disk at its end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ariyippu.base.errors import RefusedError
from ariyippu.demo.outside.keep import read_mail, read_sms
from ariyippu.send.carriers import EmailMessage, SmsMessage, Verdict, open_carrier
from tests.send.test_carriers import PATIENCE_S, settings_for


def test_it_says_its_ports_and_keeps_all_until_the_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ariyippu.demo.outside", str(tmp_path), "--smpp-name", "vault"]
    environment = {**os.environ, "OUTSIDE_SMPP_PASSWORD": "s3cret"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as outside:
        try:
            assert outside.stdout is not None
            ports = json.loads(outside.stdout.readline())
            mail = open_carrier(settings_for(f"smtp://127.0.0.1:{ports['smtp_port']}"))
            sms = open_carrier(settings_for(f"smpp://vault:s3cret@127.0.0.1:{ports['smpp_port']}"))
            answers = [
                *mail.hand_off(iter([EmailMessage(0, "p2@post.example", "അ\r\n".encode())])),
                *sms.hand_off(iter([SmsMessage(1, "+910000000002", "അ", None)])),
            ]
            with pytest.raises(RefusedError):
                list(open_carrier(settings_for(f"smpp://vault:demo@127.0.0.1:{ports['smpp_port']}")).hand_off(iter([])))
        finally:
            outside.send_signal(signal.SIGTERM)
        assert outside.wait(PATIENCE_S) == 0
    mail.close()
    sms.close()
    assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * 2
    assert [kept["content"] for kept in read_mail(tmp_path)] == ["അ\r\n"]
    assert [(kept["to"], kept["text"]) for kept in read_sms(tmp_path)] == [("910000000002", "അ")]
