"""Links to files of the local store: only ours are believed, only as they were given, and only for a time."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syndb_graphql.errors import BadInput, Forbidden
from syndb_graphql.objects.links import MAX_NAME_CHARACTERS, download_name, make_link, verify_link
from syndb_graphql.objects.local import LocalObjects

KEY = f"ds/files/{'0' * 64}.swc"
OLD, NEW, FOREIGN = b"old" * 12, b"new" * 12, b"foreign" * 6


def parts_of(link):
    split = urlsplit(link.url)
    return split.path.removeprefix("/files/"), dict(parse_qsl(split.query))


def store(folder, clock, *keys):
    return LocalObjects(folder, keys, 60, clock)


def link_of(objects):
    return parts_of(objects.link(KEY, filename="neuron.swc", content_type="text/plain"))


def test_a_link_says_what_was_linked_and_until_when(folder, clock):
    objects = store(folder, clock, NEW)
    link = objects.link(KEY, filename="neuron.swc", content_type="text/plain")
    assert link.expires_at == datetime.fromtimestamp(clock.now + 60, UTC)
    opened = objects.open_link(*parts_of(link))
    assert (opened.key, opened.filename, opened.content_type) == (KEY, "neuron.swc", "text/plain")
    assert opened.seconds_left == 60


def test_a_link_holds_to_its_last_second_and_then_says_how_to_get_another(folder, clock):
    objects = store(folder, clock, NEW)
    key, params = link_of(objects)
    clock.now += 59.5
    assert objects.open_link(key, params).seconds_left == 0
    clock.now += 0.5
    with pytest.raises(Forbidden, match=r"expired at 2026-09-21T\d\d:\d\d:20Z.*`url` again"):
        objects.open_link(key, params)


@pytest.mark.parametrize(
    "change",
    [
        {"expires": "9999999999"},
        {"expires": "1790000060 "},
        {"expires": ""},
        {"expires": "²"},
        {"name": "another.swc"},
        {"type": "text/html"},
        {"signature": ""},
        {"signature": "A" * 43},
        {"signature": "é"},
    ],
)
def test_a_changed_link_is_refused(folder, clock, change):
    objects = store(folder, clock, NEW)
    key, params = link_of(objects)
    with pytest.raises(Forbidden, match="not made by this server"):
        objects.open_link(key, params | change)


@pytest.mark.parametrize("missing", ["expires", "name", "type", "signature"])
def test_a_link_cut_short_is_refused_like_any_other(folder, clock, missing):
    objects = store(folder, clock, NEW)
    key, params = link_of(objects)
    del params[missing]
    with pytest.raises(Forbidden, match="not made by this server"):
        objects.open_link(key, params)


@pytest.mark.parametrize("key", ["ds/files/another.swc", "", "../secret-keys", KEY + "\0"])
def test_a_link_opens_no_other_file(folder, clock, key):
    objects = store(folder, clock, NEW)
    _, params = link_of(objects)
    with pytest.raises(Forbidden, match="not made by this server"):
        objects.open_link(key, params)


def test_what_a_link_has_besides_does_no_harm(folder, clock):
    objects = store(folder, clock, NEW)
    key, params = link_of(objects)
    assert objects.open_link(key, params | {"utm_source": "mail"}).key == KEY


def test_an_expired_link_of_another_server_is_foreign_first(folder, clock):
    key, params = link_of(store(folder, clock, FOREIGN))
    clock.now += 1000
    with pytest.raises(Forbidden, match="not made by this server"):
        store(folder, clock, NEW).open_link(key, params)


def test_links_outlive_a_rotation_of_the_keys_but_not_the_removal_of_theirs(folder, clock):
    key, params = link_of(store(folder, clock, OLD))
    assert store(folder, clock, NEW, OLD).open_link(key, params).key == KEY
    with pytest.raises(Forbidden, match="keys have been replaced"):
        store(folder, clock, NEW).open_link(key, params)
    key, params = link_of(store(folder, clock, NEW, OLD))
    assert store(folder, clock, NEW).open_link(key, params).key == KEY


@pytest.mark.parametrize("content_type", ["", "text", "text/html\r\nX: y", "a/b; charset=utf-8; x", "text/plain;"])
def test_what_is_no_content_type_is_refused(folder, clock, content_type):
    with pytest.raises(BadInput, match="is no content type"):
        store(folder, clock, NEW).link(KEY, filename="x.swc", content_type=content_type)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("νευρώνας 1.swc", "νευρώνας 1.swc"),
        ("神经元.glb", "神经元.glb"),
        ('a "b" 100%.swc', 'a "b" 100%.swc'),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\cell.swc", "cell.swc"),
        ("cell\r\nSet-Cookie: x.swc", "cellSet-Cookie: x.swc"),
        ("cell\u202egnp.exe", "cellgnp.exe"),
        ("\ud800.swc", "swc"),
        (".bashrc", "bashrc"),
        ("", "0" * 64 + ".swc"),
        ("..", "0" * 64 + ".swc"),
        ("x" * 500 + ".swc", "x" * (MAX_NAME_CHARACTERS - 4) + ".swc"),
    ],
)
def test_a_download_has_the_name_it_was_given_as_far_as_that_is_one(given_name, shown):
    assert download_name(given_name, KEY) == shown


@given(st.text(max_size=300))
def test_whatever_the_name_its_link_is_good_and_the_name_is_printable(name):
    link = make_link((NEW,), KEY, name, "text/plain", 100)
    assert link.url.isascii()
    opened = verify_link((NEW,), *parts_of(link), 0)
    assert opened.filename
    assert len(opened.filename) <= MAX_NAME_CHARACTERS
    assert opened.filename.isprintable()
    assert "/" not in opened.filename
