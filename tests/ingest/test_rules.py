"""Every rule by which a load judges is in the page about loading, and the page names no other."""

import ast
import codecs
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
RULE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
MADE = {"missing-parent", "missing-neuron", "malformed-parquet"}
"""Put together of the name of a reference or a format."""
BY_POSITION = {"BadFile", "Remark", "Problem", "Stray", "Relation", "Spoiled", "Refused"}


def is_codec(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def rules_of(tree: ast.AST) -> Iterator[str]:
    """Texts with a hyphen between words, which nothing else in this room has but encodings; and one word said to be a rule."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and RULE.fullmatch(node.value):
            yield node.value
        if isinstance(node, ast.Call):
            said = [keyword.value for keyword in node.keywords if keyword.arg == "rule"]
            named = node.func.id if isinstance(node.func, ast.Name) else ""
            said += node.args[:1] if named in BY_POSITION else []
            yield from (each.value for each in said if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_every_rule_is_in_the_page_about_loading_and_no_other() -> None:
    used = set(MADE)
    for path in (REPOSITORY / "syndb_graphql" / "ingest").rglob("*.py"):
        used |= {rule for rule in rules_of(ast.parse(path.read_text("utf-8"))) if not is_codec(rule)}
    page = (REPOSITORY / "docs" / "loading.md").read_text("utf-8").partition("## Every rule")[2]
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    said = [line[0].strip(" `") for line in lines]
    assert sorted(said) == sorted(set(said)), "a rule is listed twice"
    assert set(said) == used, f"not in the page: {sorted(used - set(said))}; of no use: {sorted(set(said) - used)}"
    assert all(line[1].strip() in ("error", "warning", "error, warning") for line in lines)
    assert all(len(cell.strip()) > 3 for line in lines for cell in line[2:])
