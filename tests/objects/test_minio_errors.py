"""Whatever goes wrong on the way to an S3 store is told in our words: each exception of the SDK and of its HTTP client."""

import http.client
import inspect
import ssl
from xml.etree.ElementTree import ParseError

import pytest
import urllib3
from minio import error as sdk
from minio.error import S3Error

from syndb_graphql.errors import RawDataUnavailable, SyndbError
from syndb_graphql.objects.minio_errors import CODES, FAILURES, reason, translate


def exceptions_of(module) -> list[type[Exception]]:
    return [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == module.__name__
    ]


EVERY = [
    *exceptions_of(sdk),
    *exceptions_of(urllib3.exceptions),
    *exceptions_of(http.client),
    ParseError,
    OSError,
    ConnectionResetError,
    TimeoutError,
    ssl.SSLError,
    UnicodeDecodeError,
    ValueError,
]


def raised(kind: type[Exception]) -> Exception:
    """One of its kind that holds what nobody may be told."""
    error = kind.__new__(kind)
    error.args = ("http://minio.internal:9000/bucket AKIAEXAMPLE",)
    return error


def test_there_are_many():
    assert len(EVERY) > 50


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_exception_is_ours_to_tell_and_says_nothing_of_the_inside(kind):
    error = raised(kind)
    if kind is S3Error:
        error = s3_error("SlowDown")
    if kind is urllib3.exceptions.MaxRetryError:
        error.reason = raised(urllib3.exceptions.ConnectTimeoutError)
    assert isinstance(error, FAILURES)
    told = translate(error)
    assert type(told) is RawDataUnavailable
    assert str(told).startswith("The store of files does not answer: ")
    assert reason(error)
    for inside in ("minio.internal", "9000", "bucket ", "AKIA", "None"):
        assert inside not in str(told)


def test_our_own_errors_are_none_of_theirs():
    assert not issubclass(SyndbError, FAILURES)


def s3_error(code):
    return S3Error(None, code, "of http://minio.internal:9000", "/bucket/key", "1", "2", "bucket", "key")


@pytest.mark.parametrize("code", [*CODES, "SomethingNew"])
def test_what_s3_answers_is_said_in_words(code):
    told = str(translate(s3_error(code)))
    assert told == f"The store of files does not answer: {CODES.get(code, 'it says SomethingNew')}."


def test_a_retried_call_gives_the_reason_of_its_last_attempt():
    pool = urllib3.HTTPConnectionPool("minio.internal")
    refused = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPConnection("minio.internal"), "refused")
    assert reason(urllib3.exceptions.MaxRetryError(pool, "/bucket", refused)) == "it cannot be reached"
    assert reason(urllib3.exceptions.MaxRetryError(pool, "/bucket", None)) == "it does not speak HTTP as it should"
