"""Early 2026 in Kerala, played again through Ariyippu, with invented people and offices.

    clock.py         dates of the story, in this process and in its database
    papers.py        the notices, and the documents that officers sign
    stage.py         the installation, everybody's hands, the worker
    asked.py         why: for a notice and for one message
    account.py       what was sent, what was refused, why: for people, as JSON, as docs/replay.md
    kerala_2026.py   the story, in the order of its dates; read this first

What is played is the system itself: documents are signed and taken by the hatch's own function, decided, logged,
witnessed, leased, opened and handed off over SMTP and SMPP to the demonstration's mail server and SMS centre.
Only three things are the replay's own: one process plays all parts, its clock is the story's, and the
flow takes its turns when the story says so.
"""
