"""Cursors that are not those of the connection they are given to: each is refused in clear words, and nothing is read by it."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syndb_graphql.api.cursors import RowCursors

HEMIBRAIN = "Hemibrain DA1 projection neurons"
WORM = "C. elegans connectome"
NEW_SECRET = "fedcba9876543210" * 2

EVERY_KIND = """query($label: String!, $neuron: String!) { dataset(by: {label: $label}) {
  neurons(first: 2) { pageInfo { endCursor } } synapses(first: 2) { pageInfo { endCursor } }
  neuron(by: {sourceId: $neuron}) {
    outgoingSynapses(first: 2) { pageInfo { endCursor } } incomingSynapses(first: 2) { pageInfo { endCursor } } } } }"""


def flatten(data):
    found = data["dataset"]
    connections = {**found, **found["neuron"]}
    return {
        name: connections[name]["pageInfo"]["endCursor"]
        for name in ("neurons", "synapses", "outgoingSynapses", "incomingSynapses")
    }


@pytest.fixture(scope="session")
async def cursors(client):
    """A good cursor of each kind of connection of one data set."""
    return flatten(await client.ask(EVERY_KIND, {"label": HEMIBRAIN, "neuron": "1734350788"}))


async def refuse(client, connection, cursor, *, label=HEMIBRAIN, neuron="1734350788", argument="after"):
    nested = connection in ("outgoingSynapses", "incomingSynapses")
    field = f"page: {connection}({argument}: $cursor) {{ nodes {{ cid }} }}"
    field = f"neuron(by: {{sourceId: $neuron}}) {{ {field} }}" if nested else field
    unused = ", $neuron: String!" if nested else ""
    answer = await client.answer(
        f"query($label: String!, $cursor: String{unused}) {{ dataset(by: {{label: $label}}) {{ {field} }} }}",
        {"label": label, "cursor": cursor, **({"neuron": neuron} if nested else {})},
    )
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INVALID_CURSOR", error
    assert error["message"].startswith(f"`{argument}` is none of this connection")
    found = answer["data"]["dataset"]
    assert (found["neuron"] if nested else found)["page"] is None


@pytest.mark.parametrize("given_to", ["neurons", "synapses", "outgoingSynapses", "incomingSynapses"])
async def test_a_cursor_of_another_connection_is_refused(client, cursors, given_to):
    for name, cursor in cursors.items():
        if name != given_to:
            await refuse(client, given_to, cursor)
            await refuse(client, given_to, cursor, argument="before")


async def test_a_cursor_of_another_parent_or_data_set_is_refused(client, cursors):
    await refuse(client, "outgoingSynapses", cursors["outgoingSynapses"], neuron="754534424")
    await refuse(client, "neurons", cursors["neurons"], label=WORM)


async def test_a_cursor_of_data_sets_is_bound_to_its_filter_and_to_data_sets(client, cursors):
    query = """query($filter: DatasetFilter, $after: String) { datasets(filter: $filter, first: 1, after: $after) {
      nodes { label } pageInfo { endCursor } } }"""
    mice = {"label": {"startsWith": "Mouse"}}
    page = (await client.ask(query, {"filter": mice}))["datasets"]
    cursor = page["pageInfo"]["endCursor"]
    following = (await client.ask(query, {"filter": mice, "after": cursor}))["datasets"]["nodes"]
    assert following != page["nodes"]
    for other in (None, {"label": {"startsWith": "M"}}, {**mice, "wildType": False}):
        assert (await client.fail(query, {"filter": other, "after": cursor}))["code"] == "INVALID_CURSOR"
    await refuse(client, "neurons", cursor)
    assert (await client.fail(query, {"after": cursors["neurons"]}))["code"] == "INVALID_CURSOR"
    # The same filter, written in another order or with nulls, is the same.
    same = {"wildType": None, "not": None, **mice}
    assert (await client.ask(query, {"filter": same, "after": cursor}))["datasets"]["nodes"] == following


async def test_a_cursor_that_was_changed_anywhere_or_cut_short_is_refused(client, cursors):
    cursor = cursors["synapses"]
    for index in range(len(cursor)):
        other = "A" if cursor[index] != "A" else "B"
        await refuse(client, "synapses", cursor[:index] + other + cursor[index + 1 :])
    for length in range(0, len(cursor), 5):
        await refuse(client, "synapses", cursor[:length])
    await refuse(client, "synapses", cursor + "AAAA")
    await refuse(client, "synapses", cursor + cursor)


@pytest.mark.parametrize(
    "junk",
    ["", " ", "zzz", "=" * 40, "Ωμέγα", "神経", "-1", "0", "\0", "A" * 40, "A" * 1024, "A" * 200_000, "🧠" * 300],
    ids=lambda junk: f"{len(junk)} of {junk[:5]!r}",
)
async def test_text_that_never_was_a_cursor_is_refused_however_long(client, junk):
    await refuse(client, "synapses", junk)
    await refuse(client, "outgoingSynapses", junk, argument="before")
    error = await client.fail("query($c: String) { datasets(after: $c) { totalCount } }", {"c": junk})
    assert error["code"] == "INVALID_CURSOR"


async def test_a_cursor_made_up_with_the_key_in_clear_is_refused(client, cursors):
    """Knowing how a cursor is built does not help: another row, or another version, needs another signature."""
    raw = bytearray(base64.urlsafe_b64decode(cursors["synapses"]))
    for place in (3, 4, 19):  # the version's last byte, the key's first and last one
        forged = bytearray(raw)
        forged[place] ^= 1
        await refuse(client, "synapses", base64.urlsafe_b64encode(bytes(forged)).decode())


async def test_another_server_s_cursors_are_refused_and_a_new_key_takes_over_from_the_old_one(
    client, cursors, demo_settings, start_client
):
    old = demo_settings.secret_keys
    variables = {"label": HEMIBRAIN, "neuron": "1734350788"}
    async with start_client(demo_settings.model_copy(update={"secret_keys": (NEW_SECRET,)})) as stranger:
        await refuse(stranger, "synapses", cursors["synapses"])
    # The new key is put first, the old one behind it: walks that are under way go on.
    async with start_client(demo_settings.model_copy(update={"secret_keys": (NEW_SECRET, *old)})) as rotated:
        query = "query($label: String!, $c: String) { dataset(by: {label: $label}) { synapses(first: 3, after: $c) { nodes { cid } } } }"
        after = {"label": HEMIBRAIN, "c": cursors["synapses"]}
        assert await rotated.ask(query, after) == await client.ask(query, after)
        renewed = flatten(await rotated.ask(EVERY_KIND, variables))
        assert renewed["synapses"] != cursors["synapses"]
        assert await rotated.ask(query, {**after, "c": renewed["synapses"]}) == await client.ask(query, after)
    # When the old key is taken out, only its cursors go.
    async with start_client(demo_settings.model_copy(update={"secret_keys": (NEW_SECRET,)})) as later:
        assert await later.ask(query, {**after, "c": renewed["synapses"]}) == await client.ask(query, after)
        await refuse(later, "synapses", cursors["synapses"])


async def test_both_cursors_of_one_walk_may_be_given_and_each_is_checked(client, cursors):
    query = """query($label: String!, $a: String, $b: String) { dataset(by: {label: $label}) {
      synapses(first: 9, after: $a, before: $b) { nodes { cid } } } }"""
    good = cursors["synapses"]
    data = await client.ask(query, {"label": HEMIBRAIN, "a": None, "b": good})
    assert len(data["dataset"]["synapses"]["nodes"]) == 1
    error = await client.fail(query, {"label": HEMIBRAIN, "a": good, "b": good[:-4] + "AAAA"})
    assert (error["code"], error["message"][:8]) == ("INVALID_CURSOR", "`before`")


@given(
    parts=st.sampled_from([1, 2]),
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    version=st.integers(1, 2**31),
    seed=st.binary(min_size=8, max_size=8),
)
def test_a_cursor_is_the_same_whether_signed_alone_or_with_a_page_of_others(parts, counts, version, seed):
    """Few are signed one by one, many together, and each is read again by itself."""
    chance = random.Random(seed)
    cursors = RowCursors([b"k" * 32], b"scope", parts)
    parents = [chance.randbytes(32) for _ in counts]
    keys = [tuple(chance.randbytes(16) for _ in range(parts)) for _ in range(sum(counts))]
    columns = [[key[part] for key in keys] for part in range(parts)]
    owners = [parent for parent, count in zip(parents, counts, strict=True) for _ in range(count)]
    together = cursors.encode_page(version, parents, counts, columns)
    assert len(together) == len(keys)
    for text, parent, key in zip(together, owners, keys, strict=True):
        assert cursors.encode_page(version, [parent], [1], [[part] for part in key]) == [text]
        assert cursors.decode(text, "after", parent) == (version, key)
