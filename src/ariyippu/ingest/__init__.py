"""Door one: where a register enters. After this stage no cell with a person's identity or contact is in clear.

contract -> readers -> validate -> (quarantine) -> seal -> snapshot
"""
