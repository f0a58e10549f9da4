"""Where `load --html FILE` writes its page: asked before anything is loaded, written whole or not at all."""

from pathlib import Path

from syndb_graphql import __version__
from syndb_graphql.errors import BadInput, LoadError
from syndb_graphql.ingest.html_report import HtmlReport

SUFFIXES = (".html", ".htm")


def check_page(path: Path) -> None:
    """Raises BadInput where the page could not be written, before a load has taken an hour."""
    if path.suffix.lower() not in SUFFIXES or path.is_dir():
        raise BadInput(f"'{path}' is no name of a page. Write --html report.html, and the folders after it.")
    if not path.absolute().parent.is_dir():
        raise BadInput(f"There is no folder {path.absolute().parent} for the page {path.name}. Make it first.")


def write_page(path: Path, report: HtmlReport) -> None:
    """Raises LoadError where the disk does not take it."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(report.render(f"SynDB GraphQL {__version__}"), "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise LoadError(
            f"The page {path} could not be written: {error.strerror}. The folders were loaded as told above."
        ) from error
