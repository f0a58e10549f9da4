"""In which encoding a text is written. UTF-8 is known by itself; a mark at the beginning tells UTF-16 and UTF-32.

Of the encodings with one byte a character nothing in the file tells which it is, and a wrong one gives other names in
silence. Windows-1252 is taken where all that it gives are the letters and signs of Western European words; else the
contributor is asked, and shown how the file's first such word reads in the likely ones.
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from syndb_graphql.ingest.readers.batch import Remark
from syndb_graphql.ingest.report import BadFile

BLOCK_BYTES = 1024 * 1024
MAX_WORDS = 10_000
"""Words that are not in ASCII that are looked at, where the file is not in UTF-8."""
UTF8 = "utf-8"
MARKS = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
LIKELY = (
    "windows-1252",
    "iso-8859-7",
    "windows-1253",
    "iso-8859-2",
    "windows-1251",
    "mac-roman",
    "shift-jis",
    "gb18030",
)
_ODD_WORD = re.compile(rb"(?<![0-9A-Za-z'])[0-9A-Za-z']*[\x80-\xff][0-9A-Za-z'\x80-\xff]*")
_WESTERN = set("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßœŒšŠžŽ")
_SIGNS = set("µ°²³±×·–—‘’“”…€£§©®«»¼½¾\xa0")


@dataclass(frozen=True, slots=True)
class Encoding:
    name: str
    mark: int = 0
    """Bytes of the mark at the beginning."""
    remark: Remark | None = None


def find_encoding(path: Path, stated: str | None) -> Encoding:
    """The encoding of a file of text. Raises BadFile where it must be stated, or is stated wrongly."""
    with path.open("rb") as file:
        start = file.read(4)
    mark = next((mark for mark in MARKS if start.startswith(mark)), b"")
    if stated is not None:
        name = _normal(stated)
        return Encoding(name, len(mark) if mark and MARKS[mark].startswith(name) else 0)
    if mark and MARKS[mark] != UTF8:
        name = MARKS[mark]
        remark = _remark(f"The file is in {name.upper()[:6]}, as the mark at its beginning says; it was read so.", name)
        return Encoding(name, len(mark), remark)
    if len(start) == 4 and 0 in start and (start[1] == start[3] == 0 or start[0] == start[2] == 0):
        name = "utf-16-le" if start[1] == 0 else "utf-16-be"
        return Encoding(name, 0, _remark(f"Every other byte of the file is 0, so it was read as {name.upper()}.", name))
    row = _find_break(path)
    return Encoding(UTF8, len(mark)) if row is None else _decide(_find_odd_words(path), row)


def check_encoding(name: str) -> str | None:
    """What is wrong with the name of an encoding; None: nothing."""
    try:
        codecs.lookup(_normal(name)).incrementaldecoder(errors="strict").decode(b"a,b", final=False)
        "a,b".encode(_normal(name))
    except (LookupError, UnicodeError, ValueError, TypeError, AttributeError):
        return f"'{name}' is no encoding of text."
    return None


def _normal(name: str) -> str:
    """iso8859-7 and ISO-8859-7 alike; with the order of bytes, which a mark tells, left to the mark."""
    return name.strip().lower().replace("_", "-")


def _find_break(path: Path) -> int | None:
    """The first line that is not in UTF-8."""
    decoder = codecs.getincrementaldecoder(UTF8)()
    line, waiting = 1, b""
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK_BYTES)
            if waiting or not block.isascii():
                try:
                    decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    # What it counts from begins with the bytes that waited for their rest.
                    return line + (waiting + block).count(b"\n", 0, error.start)
                waiting = decoder.getstate()[0]
            if not block:
                return None
            line += block.count(b"\n")


def _find_odd_words(path: Path) -> list[bytes]:
    """Different words that hold bytes beyond ASCII."""
    words: dict[bytes, None] = {}
    with path.open("rb") as file:
        while (block := file.read(BLOCK_BYTES)) and len(words) < MAX_WORDS:
            if not block.isascii():
                words |= dict.fromkeys(_ODD_WORD.findall(block))
    return list(words)[:MAX_WORDS]


def _decide(words: list[bytes], row: int) -> Encoding:
    try:
        western = all(_is_western(word) for word in words)
    except UnicodeDecodeError:
        western = False
    shown = max(words[:50], key=lambda word: (word[:1].isalpha() or word[:1] > b"\x7f", min(len(word), 12)))
    if western:
        reads = shown.decode("windows-1252")
        message = f"The file is not in UTF-8; it was read as Windows-1252, in which the word '{reads}' is one of it."
        return Encoding("windows-1252", 0, _remark(message, "windows-1252"))
    read: dict[str, str] = {}
    for name in LIKELY:
        try:
            read.setdefault(shown.decode(name), name)
        except UnicodeDecodeError:
            continue
    choices = ", ".join(f"'{word}' ({name})" for word, name in read.items() if word.isprintable())
    raise BadFile(
        "encoding",
        f"The file is not in UTF-8, and its encoding is not sure. A word of it reads as {choices}.",
        "Add the one that is right to the table's section in dataset.toml, such as "
        'encoding = "iso-8859-7", or save the file as UTF-8.',
        row=row,
        value=shown.decode("windows-1252", "replace"),
    )


def _is_western(word: bytes) -> bool:
    """Whether Windows-1252 makes of it what Western European languages write: few accents among plain letters."""
    text = word.decode("windows-1252")
    odd = [character for character in text if not character.isascii()]
    letters = [character for character in odd if character not in _SIGNS]
    plain = sum(character.isascii() and character.isalpha() for character in text)
    # ÿ, Ž and such come of Mac encodings more often than of words
    return all(character in _WESTERN for character in letters) and len(letters) <= plain


def _remark(message: str, name: str) -> Remark:
    remedy = f'If names look wrong, say which it is: encoding = "…" in dataset.toml; else encoding = "{name}", or save it as UTF-8.'
    return Remark("encoding", message, remedy)
