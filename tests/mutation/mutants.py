"""Which mutants of a module there are: cosmic-ray's of its Python, and ours of the SQL in its texts.

Left out is what no test could notice (`is None` as `== None`, a cache that is none), and what would be noticed for
nothing: `|` between types, which fails as soon as the module is imported.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

SAME = ("Is_Eq", "IsNot_NotEq")  # the project compares with None alone by `is`
SQL = {
    r" and ": " or ",
    r" or ": " and ",
    r"\bnot in\b": "in",
    r"\bis not null\b": "is null",
    r"\bis null\b": "is not null",
    r"\bnot (?!in\b|null\b|exists\b)": "",
    r" >= ": " > ",
    r" <= ": " < ",
    r" < ": " <= ",
    r" > ": " >= ",
    r" = ": " <> ",
    r" <> ": " = ",
    r"\bmin\(": "max(",
    r"\bmax\(": "min(",
    r"\bbool_or\(": "bool_and(",
    r"\bleft join\b": "join",
}
_STATEMENT = re.compile(r"\b(select|from|where|join|when|case|update|insert|delete|is null|is not null)\b|_\{")


@dataclass(frozen=True)
class Mutant:
    """One thing that a module could say instead; `index`: the operator's so-manieth place in it."""

    module: str  # policy/decide.py
    line: int
    operator: str
    index: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.operator.removeprefix('core/')} {self.index}"

    def of(self, source: str) -> str:
        """The module's source, mutated."""
        if not self.operator.startswith("sql"):
            return str(mutate_code(source, plugins.get_operator(self.operator)(), self.index))
        _line, start, end, said = list(_sql_places(source))[self.index]
        return source[:start] + said + source[end:]


def mutants(module: str, source: str) -> list[Mutant]:
    """All of them, those of each operator together."""
    left_out, tree = _types(ast.parse(source)), get_ast(source)
    caches = [number for number, line in enumerate(source.splitlines(), 1) if re.match(r"@functools\.\w*cache", line)]
    left_out += [((number, 0), (number + 1, 0)) for number in caches]
    found = []
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if operator.arguments():
            continue  # variables by other names, which it would have to be told
        places = (place for node in ast_nodes(tree) for place in operator().mutation_positions(node))
        found += [
            Mutant(module, start[0], name, index)
            for index, (start, _end) in enumerate(places)
            if not name.endswith(SAME) and not any(first <= start < last for first, last in left_out)
        ]
    sql = (Mutant(module, line, f"sql {said!r}", index) for index, (line, *_, said) in enumerate(_sql_places(source)))
    return [*found, *sql]


def _types(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where, (line, column), stands a type, or what saves time alone."""
    said: list[ast.expr | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign() | ast.arg():
                said.append(node.annotation)
            case ast.FunctionDef():
                said.append(node.returns)
            case ast.keyword(arg="prepare"):  # a statement says the same, prepared or not
                said.append(node.value)
            case ast.Assign(value=ast.Subscript() | ast.BinOp(op=ast.BitOr())) if node in tree.body:
                said.append(node.value)
    return [((e.lineno, e.col_offset), (e.end_lineno or 0, e.end_col_offset or 0)) for e in said if e is not None]


def _sql_places(source: str) -> Iterator[tuple[int, int, int, str]]:
    """(line, start, end, what to say instead) of each word of SQL that could be another."""
    lines = source.splitlines(keepends=True)
    begins = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = token.string
        if token.type != tokenize.STRING or not _is_sql(token):
            continue
        start = begins[token.start[0] - 1] + token.start[1]
        for word, said in SQL.items():
            for match in re.finditer(word, text):
                line = token.start[0] + text.count("\n", 0, match.start())
                yield line, start + match.start(), start + match.end(), said


def _is_sql(token: tokenize.TokenInfo) -> bool:
    """A docstring or an error's text begins with a capital letter; SQL does not."""
    words = token.string.lstrip("f").strip("\"'").lstrip()
    return bool(_STATEMENT.search(words)) and not words[:1].isupper() and not token.line.lstrip().startswith('"""')
