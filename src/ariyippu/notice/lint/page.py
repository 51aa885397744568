"""docs/linter.md, from the rules: `python -m ariyippu.notice.lint.page > docs/linter.md`."""

import sys
from collections.abc import Iterator

from ariyippu.notice.lint.rules import Rule, rules

HEAD = """# What the linter finds

    ariyippu notice lint NOTICE.json --register CONTRACT

Written from `src/ariyippu/notice/lint/rules.toml` by `python -m ariyippu.notice.lint.page`; a test keeps it in
step. A finding that refuses also refuses the order, with the code `notice.CODE`. The others are shown to the
officer and logged with the order, so that everybody sees that they were known.
"""


def page() -> str:
    """The whole page."""
    texts = [rule for rule in rules().values() if rule.pattern is None]
    content = [rule for rule in rules().values() if rule.pattern is not None]
    return "\n".join(
        (
            HEAD,
            "## The texts",
            "",
            *_table(texts),
            "",
            "## Party and achievement content",
            "",
            "Kinds of content, never names. The word lists, in Malayalam and English, stand in the same file, each",
            "with the date of its newest pattern.",
            "",
            *_table(content),
            "",
        )
    )


def _table(listed: list[Rule]) -> Iterator[str]:
    yield "| code | refuses | finds | why |"
    yield "| --- | --- | --- | --- |"
    for rule in listed:
        finds = f"{rule.finds}, also in publicity" if rule.anywhere else rule.finds
        yield f"| `{rule.code}` | {'yes' if rule.refuses else 'no'} | {finds} | {rule.why} |"


if __name__ == "__main__":
    sys.stdout.write(page())
