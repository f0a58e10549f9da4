"""DOIs in the one form they are kept and compared in: bare and in lower case, as `10.7554/elife.57443`."""

import re
from urllib.parse import unquote

_PREFIX = re.compile(r"(?:(?:https?://)?(?:dx\.|www\.)?doi\.org/|info:doi/|urn:doi:|doi\b[:\s]*)\s*", re.IGNORECASE)
_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/\S+")


def parse_doi(text: str) -> str | None:
    """The bare form of `https://doi.org/10.1234/X`, `doi:10.1234/X`, `10.1234/X` and the like; None for what is no DOI."""
    given = text.strip()
    prefix = _PREFIX.match(given)
    if prefix:
        given = given[prefix.end() :]
        if "doi.org" in prefix[0].lower():
            # In an address, and only there, characters may be written as %2F.
            given = unquote(given)
    return given.lower() if _DOI.fullmatch(given) else None
