"""What can go wrong between this server and an S3 store, in words for whoever asked: every exception of the SDK, of the
HTTP client below it, and of the system's sockets. Nothing of them, no address, bucket or key id, gets into a message.
"""

from http.client import HTTPException
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioAdminException, MinioException, S3Error, ServerError
from urllib3 import exceptions as http

from syndb_graphql.errors import RawDataUnavailable

FAILURES: tuple[type[Exception], ...] = (
    MinioException,
    MinioAdminException,
    http.HTTPError,
    http.HTTPWarning,
    HTTPException,
    OSError,
    ParseError,
    ValueError,  # the SDK raises it for answers that it cannot read
)
"""All that a call of the SDK may raise; our own errors are none of these."""

CODES = {
    "NoSuchKey": "the file is not there",
    "NoSuchBucket": "its bucket is not there",
    "AccessDenied": "it refuses this server's credentials",
    "InvalidAccessKeyId": "it refuses this server's credentials",
    "SignatureDoesNotMatch": "it refuses this server's credentials",
    "InvalidToken": "it refuses this server's credentials",
    "ExpiredToken": "it refuses this server's credentials",
    "AuthorizationHeaderMalformed": "it is in another region than SYNDB_S3_REGION says",
    "PermanentRedirect": "it is in another region than SYNDB_S3_REGION says",
    "Redirect": "it is in another region than SYNDB_S3_REGION says",
    "BadRequest": "it does not understand what it is asked; if it speaks TLS, SYNDB_S3_ENDPOINT must begin with https",
    "RequestTimeTooSkewed": "its clock and this server's differ too much",
    "SlowDown": "it is overloaded",
    "ServiceUnavailable": "it is overloaded",
    "RequestTimeout": "it waited too long for this server",
    "InternalError": "it failed",
    "XMinioStorageFull": "its disks are full",
    "QuotaExceeded": "its quota is used up",
}
"""What S3 answers, in words. Any other code stands for itself: it is a word of S3, not of the place it runs in."""

TLS = (
    ("mismatch", "its certificate does not name the address in SYNDB_S3_ENDPOINT"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "its certificate is not to be trusted: expired, or signed by none of those in SYNDB_S3_CA_FILE",
    ),
    ("WRONG_VERSION_NUMBER", "it speaks no TLS, though SYNDB_S3_ENDPOINT begins with https"),
    ("", "it and this server do not agree on TLS"),
)
"""What stands in an error of TLS, which is handed on as text: the first that is found is said."""

CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (http.NameResolutionError, "its name cannot be resolved"),
    (http.NewConnectionError, "it cannot be reached"),
    (http.ConnectTimeoutError, "it cannot be reached in time"),
    (http.TimeoutError, "it took too long"),
    (TimeoutError, "it took too long"),
    (http.EmptyPoolError, "too many connections to it are in use"),
    (http.FullPoolError, "too many connections to it are in use"),
    (http.ProxyError, "the proxy before it does not answer"),
    (http.ResponseError, "it answers with errors"),
    (http.IncompleteRead, "it broke off in the midst of a file"),
    (http.ProtocolError, "the connection broke off"),
    (http.HTTPError, "it does not speak HTTP as it should"),
    (http.HTTPWarning, "it does not speak HTTP as it should"),
    (http.ProxySchemeUnsupported, "the proxy before it does not answer"),
    (HTTPException, "it does not speak HTTP as it should"),
    (InvalidResponseError, "it does not speak S3"),
    (ServerError, "it answers with errors"),
    (MinioException, "it failed"),
    (MinioAdminException, "it failed"),
    (ParseError, "it does not speak S3"),
    (OSError, "the connection failed"),
    (ValueError, "it does not speak S3"),
)
"""The first that fits, so the narrower class stands before the wider."""


def translate(error: Exception) -> RawDataUnavailable:
    """What to raise in the place of `error`, which is one of FAILURES."""
    return RawDataUnavailable(f"The store of files does not answer: {reason(error)}.")


def reason(error: BaseException) -> str:
    """Why, in words that name nothing of the place."""
    if isinstance(error, S3Error):
        return CODES.get(error.code or "", f"it says {error.code}")
    if isinstance(error, http.MaxRetryError) and error.reason is not None:
        return reason(error.reason)
    if isinstance(error, http.SSLError):
        return next(words for text, words in TLS if text in str(error))
    return next((words for kind, words in CAUSES if isinstance(error, kind)), "it failed")


def is_missing(error: S3Error) -> bool:
    """Whether the answer was that there is no such file, be it for want of its bucket."""
    return error.code in ("NoSuchKey", "NoSuchBucket", "NoSuchObject", "ResourceNotFound")
