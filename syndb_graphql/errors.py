"""The tree of errors. A client-safe error has a stable `code` and a message that may be shown to anyone;
whatever is not a `SyndbError` is masked by the API and logged with the request's id.

    SyndbError
    ├── SchemaError            a fact in schema/ is wrong (file, table, key)
    ├── SettingsError          a SYNDB_* variable is wrong
    ├── BadInput               an argument, an id, a filter is wrong
    │   └── InvalidCursor      a cursor is forged, foreign or cut short
    ├── Forbidden              a link to a file is changed, foreign or expired
    ├── LimitExceeded          a bound was met; names the bound and the number
    │   └── CostLimitExceeded
    ├── VersionGone            the version a cursor or id points to was swept
    ├── NotFound               a thing named by the user of the command is not there
    ├── Conflict               somebody else changed the data set in the meantime
    ├── LoadError              a folder cannot be loaded; carries its report
    ├── DiskFull               a disk, or a quota, has no room for what is written
    ├── StoreUnavailable       the store of rows does not answer
    │   └── StoreTimeout
    ├── RawDataUnavailable     the store of files does not answer, or a file is missing
    └── RequestTimeout         the request as a whole took too long
"""

import errno


class SyndbError(Exception):
    """An error whose message is meant for whoever caused it or must act on it."""

    code = "INTERNAL_SERVER_ERROR"


class SchemaError(SyndbError):
    code = "SCHEMA_ERROR"


class SettingsError(SyndbError):
    code = "SETTINGS_ERROR"


class BadInput(SyndbError):
    code = "BAD_USER_INPUT"


class InvalidCursor(BadInput):
    code = "INVALID_CURSOR"


class Forbidden(SyndbError):
    code = "FORBIDDEN"


class LimitExceeded(SyndbError):
    code = "LIMIT_EXCEEDED"


class CostLimitExceeded(LimitExceeded):
    code = "COST_LIMIT_EXCEEDED"


class VersionGone(SyndbError):
    code = "VERSION_GONE"


class NotFound(SyndbError):
    code = "NOT_FOUND"


class Conflict(SyndbError):
    code = "CONFLICT"


class LoadError(SyndbError):
    code = "LOAD_FAILED"


class DiskFull(SyndbError):
    """Met by who writes: never in a request, so it may name the folder."""

    code = "DISK_FULL"

    def __init__(self, folder: str, more: str = "Make room there, and try again.") -> None:
        super().__init__(f"The disk that holds {folder} is full. {more}")
        self.folder = folder


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of the system: the disk is full, a quota is used up, a file may not be that large."""


class StoreUnavailable(SyndbError):
    code = "STORE_UNAVAILABLE"


class StoreTimeout(StoreUnavailable):
    code = "STORE_TIMEOUT"


class RawDataUnavailable(SyndbError):
    code = "RAW_DATA_UNAVAILABLE"


class RequestTimeout(SyndbError):
    code = "REQUEST_TIMEOUT"
