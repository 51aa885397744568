"""A Postfix of a test's own: configuration, queue and ports apart from the machine's, loopback only.

Debian's Postfix only starts as root. Mail to `local.example` is taken and found to be nobody's; mail to
`mail.example` goes on to the outside world; bounces go back to where the test listens.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.send.test_carriers import eventually, listens
from tests.track.post import free_port

POSTFIX = Path("/usr/sbin/postfix")
USABLE = POSTFIX.exists() and os.geteuid() == 0

MAIN = """
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log/postfix.log
maillog_file_prefixes = {root}/log
myhostname = relay.example
mydestination = local.example
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_host_lookup = native
default_transport = error:5.4.4 no route in this test
transport_maps = inline:{{ {{ mail.example = smtp:[127.0.0.1]:{outside} }},
    {{ back.ariyippu.example = smtp:[127.0.0.1]:{back} }} }}
"""
MASTER = """
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@contextlib.contextmanager
def running(outside: int, back: int, more: str = "") -> Iterator[int]:
    """Its port. `outside`: where mail.example is served; `back`: where bounces are taken; `more`: for main.cf."""
    root = Path(tempfile.mkdtemp(prefix="ariyippu-postfix-"))
    root.chmod(0o755)
    port = free_port()
    for name in ("conf", "queue", "data", "log"):
        (root / name).mkdir()
    shutil.chown(root / "data", "postfix")
    (root / "conf" / "main.cf").write_text(MAIN.format(root=root, outside=outside, back=back) + more)
    (root / "conf" / "master.cf").write_text(MASTER.format(port=port))
    subprocess.run([POSTFIX, "-c", root / "conf", "start"], check=True, capture_output=True)
    try:
        eventually(lambda: listens(port))
        yield port
    finally:
        subprocess.run([POSTFIX, "-c", root / "conf", "stop"], check=True, capture_output=True)
        shutil.rmtree(root)
