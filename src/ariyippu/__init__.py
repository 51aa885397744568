"""Ariyippu (അറിയിപ്പ്, "notice"): citizen notices that are lawful by construction."""

__version__ = "0.1.0"
