"""Mutation testing of `policy` and `grant`: do their tests notice when a line says something else?

    python -m tests.mutation              twelve mutants of each module, by chance with seed 1
    python -m tests.mutation --seed 7     other ones
    python -m tests.mutation --each 0     every mutant; a night's work

mutants.py says which there are, trials.py makes one and runs the tests that execute its statement.
"""
