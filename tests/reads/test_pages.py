"""Pages against what anyone would do with a list: every window, of a table and of a relation, on real rows."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syndb_graphql.errors import BadInput, LimitExceeded
from syndb_graphql.reads.pages import PageRequest, check_page_size, read_related_pages, read_table_page
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Snapshot
from syndb_graphql.store.sqlite import SqliteStore
from tests.conftest import frame_of

MODEL = load_default_model()
SYNAPSE = MODEL.tables["synapse"]
RELATION = SYNAPSE.relations["pre"]
DATASET = uuid.uuid5(uuid.NAMESPACE_URL, "pages").bytes
OWNERS = [derive_cid(DATASET, "neuron", str(number)) for number in range(3)]
COMPONENTS = [derive_cid(DATASET, "axon", str(number)) for number in range(2)]


def make_rows():
    """Owner 0 has 17 synapses on two components and on none, owner 1 one, owner 2 none."""
    rows = []
    for number in range(18):
        owner = OWNERS[0] if number < 17 else OWNERS[1]
        component = (*COMPONENTS, None)[number % 3]
        rows.append(
            {
                "cid": derive_cid(DATASET, "synapse", str(number)),
                "source_id": str(number),
                "pre_neuron_id": owner,
                "pre_id": component,
            }
        )
    return rows


ROWS = make_rows()
BY_CID = sorted((row["cid"],) for row in ROWS)
BY_OWNER = {
    owner: sorted((row["pre_id"] or owner, row["cid"]) for row in ROWS if row["pre_neuron_id"] == owner)
    for owner in OWNERS
}


@pytest.fixture(scope="module")
async def store(tmp_path_factory):
    opened = SqliteStore(tmp_path_factory.mktemp("pages") / "rows.sqlite", MODEL, timeout_s=5)
    snapshot = Snapshot(DATASET, await opened.begin_version(DATASET))
    await opened.open_version(snapshot, {})
    await opened.write_rows(SYNAPSE, snapshot, frame_of(SYNAPSE, ROWS))
    await opened.finish_rows(SYNAPSE, snapshot, lambda part: None)
    yield opened, snapshot
    await opened.close()


def expect(keys, request):
    """Keys of the page, whether rows follow, whether some precede: as the Relay specification words it."""
    within = [
        key
        for key in keys
        if (request.after is None or key > request.after) and (request.before is None or key < request.before)
    ]
    if request.backwards:
        page = within[len(within) - min(request.count, len(within)) :]
        return page, request.before is not None, len(within) > request.count
    return within[: request.count], len(within) > request.count, request.after is not None


def windows(keys):
    edge = st.none() | st.sampled_from(keys)
    return st.builds(PageRequest, st.integers(0, 20), st.booleans(), edge, edge)


@settings(max_examples=300)
@given(request=windows(BY_CID))
async def test_any_window_of_a_table_is_that_of_a_sorted_list(store, request):
    opened, snapshot = store
    page = await read_table_page(opened, SYNAPSE, snapshot, ["cid"], request)
    assert (list(page.rows), page.has_next, page.has_previous) == expect(BY_CID, request)


@settings(max_examples=300)
@given(request=windows(BY_OWNER[OWNERS[0]]), owners=st.lists(st.sampled_from(OWNERS), max_size=5))
async def test_any_window_of_several_owners_is_that_of_each_one_s_sorted_list(store, request, owners):
    opened, snapshot = store
    pages = await read_related_pages(
        opened, RELATION, snapshot, [(owner, None) for owner in owners], ["pre_component", "cid"], request
    )
    assert len(pages) == len(owners)
    for owner, page in zip(owners, pages, strict=True):
        assert (list(page.rows), page.has_next, page.has_previous) == expect(BY_OWNER[owner], request)


@pytest.mark.parametrize("size", [1, 2, 5, 17, 18, 19])
@pytest.mark.parametrize("backwards", [False, True])
async def test_walking_meets_every_row_once(store, size, backwards):
    opened, snapshot = store
    met, edge = [], None
    for _ in range(30):
        request = PageRequest(size, backwards, None if backwards else edge, edge if backwards else None)
        page = await read_table_page(opened, SYNAPSE, snapshot, ["cid"], request)
        met = [*page.rows, *met] if backwards else [*met, *page.rows]
        if not (page.has_previous if backwards else page.has_next):
            break
        edge = page.rows[0 if backwards else -1]
    assert met == BY_CID


def test_sizes_are_checked_by_name_and_number():
    sizes = {"default": 100, "maximum": 500}
    assert check_page_size(None, None, **sizes) == (100, False)
    assert check_page_size(0, None, **sizes) == (0, False)
    assert check_page_size(500, None, **sizes) == (500, False)
    assert check_page_size(None, 7, **sizes) == (7, True)
    for first, last, error, words in (
        (1, 1, BadInput, "not both"),
        (0, 0, BadInput, "not both"),
        (-1, None, BadInput, "`first` must not be negative; it is -1."),
        (None, -5, BadInput, "`last` must not be negative; it is -5."),
        (501, None, LimitExceeded, "`first` may be 500 at most; it is 501."),
        (None, 2**31, LimitExceeded, "`last` may be 500 at most; it is 2,147,483,648."),
    ):
        with pytest.raises(error) as caught:
            check_page_size(first, last, **sizes)
        assert words in str(caught.value)
