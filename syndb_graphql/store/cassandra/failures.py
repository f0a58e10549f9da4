"""Every exception of the driver as one of ours.

What a client is told names no node and no address; the driver's own words are logged, once in a while for each kind:
a store that is down fails every call there is.
"""

import logging
import ssl
import time

import cassandra
from cassandra import connection, protocol
from cassandra.cluster import NoHostAvailable
from cassandra.pool import NoConnectionsAvailable

from syndb_graphql.errors import StoreTimeout, StoreUnavailable

log = logging.getLogger(__name__)

QUIET_S = 30.0
"""Between two lines about the same kind of exception."""
_logged: dict[type[BaseException], float] = {}
"""When each kind was logged last, by the monotonic clock."""

LATE = (
    cassandra.OperationTimedOut,
    cassandra.Timeout,
    protocol.ReadTimeoutErrorMessage,
    protocol.WriteTimeoutErrorMessage,
)
"""It may have been done all the same."""

MISTAKES = (
    cassandra.RequestValidationException,
    protocol.RequestValidationException,
    cassandra.AuthenticationFailed,
    cassandra.UnsupportedOperation,
    cassandra.CoordinationFailure,
)
"""It would be the same again."""

_NOT_FINAL = (cassandra.CoordinationFailure,)
"""Of the mistakes: a replica that fails as it goes down is one of these as well."""
_NOT_TOLD = "Unable to perform authorization"
"""What a node says of permissions that lie on nodes that are lost, in the words of a refusal."""

_SENTENCES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (cassandra.Unavailable, protocol.UnavailableErrorMessage),
        "Too few nodes of the store of rows are up to answer. Try again shortly.",
    ),
    (
        (NoHostAvailable, NoConnectionsAvailable, cassandra.UnresolvableContactPoints),
        "No node of the store of rows answers. Try again shortly.",
    ),
    (
        (cassandra.AuthenticationFailed, protocol.BadCredentials),
        "The store of rows refuses the name or password in SYNDB_CASSANDRA_USERNAME and SYNDB_CASSANDRA_PASSWORD.",
    ),
    (
        (cassandra.Unauthorized, protocol.UnauthorizedErrorMessage),
        "The user in SYNDB_CASSANDRA_USERNAME may not do this in the store of rows.",
    ),
    (
        (
            cassandra.RequestValidationException,
            protocol.RequestValidationException,
            protocol.NotSupportedError,
            cassandra.UnsupportedOperation,
            cassandra.DependencyException,
        ),
        "The store of rows does not know a table or column that is needed. `syndb-graphql db check` says what differs.",
    ),
    (
        (connection.ConnectionException, connection.ConnectionBusy, connection.ProtocolError),
        "The connection to the store of rows was lost. Try again shortly.",
    ),
)
_REFUSED = (
    "A node of the store of rows ends connections as TLS begins: it asks for a certificate, or refuses that of "
    "SYNDB_CASSANDRA_CERTIFICATE_FILE."
)
_CERTIFICATES = (
    (
        "mismatch",
        "A node of the store of rows shows a certificate that does not name its address. The addresses that nodes are "
        "reached by must be in their certificates.",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "A node of the store of rows shows a certificate that is not to be trusted: expired, or signed by none of those in "
        "SYNDB_CASSANDRA_CA_FILE.",
    ),
    ("ALERT", _REFUSED),
    ("EOF", _REFUSED),
    ("", "The store of rows and this server do not agree on TLS. SYNDB_CASSANDRA_TLS says whether to speak it."),
)
"""What stands in an error of TLS, which the driver hands on as text: the first that is found is said."""
_OTHER = "The store of rows could not do this. Try again; the server's log has the reason."


def is_of_driver(error: BaseException) -> bool:
    """Whether the driver's own code defines it. Its methods also raise Python's: those are told by their caller."""
    return type(error).__module__.partition(".")[0] == "cassandra"


def translate(error: BaseException, timeout_s: float) -> StoreUnavailable:
    """What to raise instead of an exception of the driver (or a broken connection's OSError)."""
    if isinstance(error, StoreUnavailable):
        return error
    if isinstance(error, LATE):
        found: StoreUnavailable = late(timeout_s)
    else:
        found = StoreUnavailable(_sentence(error))
    _log(error)
    found.__cause__ = error
    return found


def may_pass(error: StoreUnavailable) -> bool:
    """Whether it is worth trying again for a minute: nodes are late or missing, and nothing is wrong with what is asked."""
    cause = error.__cause__
    if cause is None:  # it is not of the driver: something that was read is not as it must be
        return False
    return not isinstance(cause, MISTAKES) or isinstance(cause, _NOT_FINAL) or _NOT_TOLD in str(cause)


def late(timeout_s: float) -> StoreTimeout:
    return StoreTimeout(f"The store did not answer within {timeout_s:g} s. Ask for fewer rows.")


def _log(error: BaseException) -> None:
    now, kind = time.monotonic(), type(error)
    if kind not in _logged or now >= _logged[kind] + QUIET_S:
        _logged[kind] = now
        log.warning("%s: %s", kind.__name__, error)


def _sentence(error: BaseException) -> str:
    """Where no node could be had, what one of them refused says more than that."""
    inside = error.errors.values() if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) else ()
    for each in (*inside, error):
        if isinstance(each, ssl.SSLError) or (isinstance(each, OSError) and "[SSL" in str(each)):
            return next(text for words, text in _CERTIFICATES if words in str(each))
        if isinstance(each, cassandra.AuthenticationFailed):
            error = each
    return next((text for kinds, text in _SENTENCES if isinstance(error, kinds)), _OTHER)
