"""The outside world of the demo, in one process: a mail server and an SMS centre that keep what arrives.

    DIR/outside/mailbox/arrived.jsonl   one e-mail a line
    DIR/outside/phones/arrived.jsonl    one SMS a line, its parts put together

Both listen on 127.0.0.1 only. Addresses and numbers are invented, and their digits say what happens:

    e-mail   local part ends in 0000   550 5.1.1, there is nobody
             local part ends in 0001   452 4.2.2, the mailbox is full
    SMS      number ends in 0000       ESME_RINVDSTADR
             number ends in 77         accepted, later UNDELIV
"""
