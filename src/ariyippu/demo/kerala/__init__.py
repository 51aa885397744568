"""A synthetic Kerala with a known truth: invented people, and their five registers as departments would hold them.

    names.toml, names    words, and the ways in which names are spelt
    places               districts, local bodies, wards, villages
    people               households: who lives there, how they write themselves
    rates                how many stand in which register; how often offices err; the seeds
    written              how an office writes a person down
    registers            who stands in which register, and each register's own columns
    records, files       chunk by chunk into files, and the truth beside them

Names are combined from words, no mobile can ring (+91 0…), e-mail addresses are under .example (RFC 2606). Every
household has four members, places' names are invented, and moves end within the places that a Kerala of
that size has. It is frozen by a digest in its tests: figures about linking name the seed that they are of.
"""
