"""A row's cid is the uuid5 that any other program would make of the same three things."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from syndb_graphql.spec.identity import derive_cid


@given(st.binary(min_size=16, max_size=16), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_cid_is_the_uuid5_of_data_set_table_and_the_contributor_s_id(dataset, source_id):
    assert derive_cid(dataset, "neuron", source_id) == uuid.uuid5(uuid.UUID(bytes=dataset), f"neuron/{source_id}").bytes
