"""Writes TOML that people read: keys with comments above them, and what was guessed or is missing said beside them.

Text of anyone (names of files and columns) may stand in values and in comments: neither can be broken out of.
"""

import json
import re
import textwrap
from collections.abc import Sequence

WIDTH = 116
MAX_COMMENT = 400
"""Characters of a remark beside a key."""


class TomlText:
    """Lines, and what a person must look at: each guess and each thing to do, by key."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._section = ""
        self.guesses: list[tuple[str, str]] = []
        """Key and value, and the reason."""
        self.todos: list[tuple[str, str]] = []
        """Key, and what to do."""

    @property
    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def blank(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def section(self, name: str) -> None:
        self.blank()
        self._section = name
        self._lines.append(f"[{name}]")

    def comment(self, text: str) -> None:
        """Wrapped."""
        wrapped = textwrap.wrap(clean(text), WIDTH, break_long_words=False, break_on_hyphens=False)
        self._lines += [f"# {line}" for line in wrapped]

    def raw_comment(self, line: str) -> None:
        """One line as it stands, such as a row of a list."""
        self._lines.append(f"# {clean(line)}".rstrip())

    def example(self, key: str, value: str) -> None:
        """A key that is not set; an example may have several lines, each a comment."""
        self._lines.append(f"# {key} = {value}")

    def key(self, key: str, value: str, *, guess: str = "", todo: str = "") -> None:
        """A key that is set; `value` is TOML already."""
        remark = ""
        if todo:
            remark = f" # TODO: {self._cut(todo)}"
            self.todos.append((clean(f"{self._section}.{key}"), clean(todo)))
        elif guess:
            remark = f" # guess: {self._cut(guess)}"
            self.guesses.append((clean(f"{self._section}.{key} = {value}"), clean(guess)))
        self._lines.append(f"{key} = {value}{remark}")

    def todo(self, key: str, what: str) -> None:
        """Something to do that no key stands for."""
        self.comment(f"TODO: {what}")
        self.todos.append((clean(key), clean(what)))

    def _cut(self, text: str) -> str:
        text = clean(text)
        return text if len(text) <= MAX_COMMENT else text[: MAX_COMMENT - 1] + "…"


def clean(text: str) -> str:
    """On one line, and nothing in it that is not printed."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def toml_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_string(name)


def toml_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def toml_axes(values: tuple[float, float, float]) -> str:
    x, y, z = (toml_number(value) for value in values)
    return f"{{ x = {x}, y = {y}, z = {z} }}"


def toml_list(texts: Sequence[str]) -> str:
    """In one line, or a line each."""
    line = f"[{', '.join(map(toml_string, texts))}]"
    if len(line) <= WIDTH - 20:
        return line
    return "[\n" + "".join(f"    {toml_string(text)},\n" for text in texts) + "]"
