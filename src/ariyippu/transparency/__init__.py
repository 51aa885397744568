"""The public log: what was done, in an append-only and witnessed tree that anybody can check from files alone.

    journal rows -> sequencer.publish() -> entries, tiles, a checkpoint, a witness's cosignature -> HOME/log/
    HOME/log/    -> reader.read()       the public register's page
                 -> verify.verify()     the stand-alone verifier, on an auditor's own machine

Formats: C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature, tlog-witness, signed-note; RFC 6962 hashes.
"""
