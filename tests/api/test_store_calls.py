"""How often the store is asked: by the levels of a question, never by the rows on them. Plans and the engine alike.

Pages of more than 1,000 rows are read in slices of that, so that others have their turn; here pages are no longer.
"""

WORM = "C. elegans connectome"
HEMIBRAIN = "Hemibrain DA1 projection neurons"


async def test_children_of_a_page_of_parents_are_read_together(counted):
    query = """query($label: String!, $first: Int!) { dataset(by: {label: $label}) { neurons(first: $first) { nodes {
      name outgoingRelations(first: 3) { nodes { synapseCount } } } } } }"""
    one, for_one = await counted.ask(query, label=WORM, first=1)
    many, for_many = await counted.ask(query, label=WORM, first=100)
    assert len(one["dataset"]["neurons"]["nodes"]) == 1
    assert sum(len(node["outgoingRelations"]["nodes"]) for node in many["dataset"]["neurons"]["nodes"]) > 200
    assert for_one == for_many == {"read_page": 1, "read_related": 1}


async def test_both_ends_of_a_page_of_connections_are_read_together_and_each_neuron_once(counted):
    query = """query($label: String!, $first: Int!) { dataset(by: {label: $label}) { neuronRelations(first: $first) { nodes {
      preNeuron { name } postNeuron { name cellType } } } } }"""
    few, for_few = await counted.ask(query, label=WORM, first=2)
    many, for_many = await counted.ask(query, label=WORM, first=1000)
    assert len(few["dataset"]["neuronRelations"]["nodes"]) == 2
    assert all(row["preNeuron"] and row["postNeuron"] for row in many["dataset"]["neuronRelations"]["nodes"])
    assert for_few == for_many
    assert for_many["read_page"] == 1
    assert for_many["read_rows"] <= 2


async def test_both_ends_of_synapses_are_read_together(counted):
    query = """query($label: String!, $first: Int!) { dataset(by: {label: $label}) { synapses(first: $first) { nodes {
      preNeuron { sourceId } postNeuron { sourceId } pre { cid } post { cid } } } } }"""
    _, for_few = await counted.ask(query, label=HEMIBRAIN, first=20)
    data, for_many = await counted.ask(query, label=HEMIBRAIN, first=1000)
    ends = [(row["preNeuron"] is None) + (row["postNeuron"] is None) for row in data["dataset"]["synapses"]["nodes"]]
    assert set(ends) == {1}
    assert for_few == for_many
    assert sum(for_many.values()) <= 3


async def test_counts_of_a_page_of_rows_are_read_together(counted):
    query = """query($label: String!, $first: Int!) { dataset(by: {label: $label}) { neurons(first: $first) { nodes {
      childCounts { table count } partCounts { table count }
      outgoingRelations { totalCount } incomingRelations { totalCount } } } } }"""
    _, for_one = await counted.ask(query, label=WORM, first=1)
    data, for_many = await counted.ask(query, label=WORM, first=299)
    neurons = data["dataset"]["neurons"]["nodes"]
    assert sum(neuron["outgoingRelations"]["totalCount"] for neuron in neurons) == 3363
    assert sum(neuron["incomingRelations"]["totalCount"] for neuron in neurons) == 3363
    assert for_one == for_many == {"read_page": 1, "read_counts": 4}


async def test_four_levels_down_and_up_again_take_a_call_each(counted):
    query = """query($label: String!, $first: Int!) { dataset(by: {label: $label}) { neurons(first: $first) { nodes {
      outgoingRelations(first: 4) { nodes { postNeuron { name outgoingRelations(first: 2) { nodes { preNeuron { name } } } } } } } } } }"""
    for first in (3, 100):
        _, calls = await counted.ask(query, label=WORM, first=first)
        # A neuron that is known from the level above is not read again.
        assert calls.pop("read_rows") <= 2
        assert calls == {"read_page": 1, "read_related": 2}


async def test_the_total_alone_reads_no_row(counted):
    _, calls = await counted.ask("{ datasets { totalCount nodes { synapses { totalCount } neurons { totalCount } } } }")
    assert calls == {}
    data, calls = await counted.ask(
        """query($label: String!) { dataset(by: {label: $label}) { neuron(by: {sourceId: "1734350788"}) {
          outgoingSynapses { totalCount } incomingSynapses { totalCount } } } }""",
        label=HEMIBRAIN,
    )
    neuron = data["dataset"]["neuron"]
    assert (neuron["outgoingSynapses"]["totalCount"], neuron["incomingSynapses"]["totalCount"]) == (621, 2084)
    assert calls == {"read_rows": 1, "read_counts": 2}


async def test_nodes_edges_page_info_and_total_of_one_connection_share_one_page(counted):
    query = """query($label: String!) { dataset(by: {label: $label}) { neurons(first: 10) {
      nodes { cid } edges { cursor node { name } } pageInfo { endCursor } totalCount } } }"""
    _, calls = await counted.ask(query, label=WORM)
    assert calls == {"read_page": 1}


async def test_what_is_in_memory_asks_the_store_for_nothing(counted):
    query = """{ datasets { nodes { label animal { name broader { name } } license { url } rowCount sample { sex }
      tables { rowCount columns { origin column { name } numbers { min max } } } } } tables { columns { name } } server { version } }"""
    _, calls = await counted.ask(query)
    assert calls == {}


async def test_many_nodes_are_read_by_one_call_a_table(counted):
    query = """query($label: String!) { dataset(by: {label: $label}) {
      id neurons(first: 100) { nodes { id } } neuronRelations(first: 100) { nodes { id } } } }"""
    data, _ = await counted.ask(query, label=WORM)
    found = data["dataset"]
    ids = [node["id"] for field in ("neurons", "neuronRelations") for node in found[field]["nodes"]]
    renewed, calls = await counted.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Neuron { name } } }", ids=[found["id"], *ids]
    )
    assert [node["id"] for node in renewed["nodes"]] == [found["id"], *ids]
    assert sum(calls.values()) <= 2, calls


async def test_links_to_many_files_are_renewed_by_one_call_a_kind(counted):
    data, _ = await counted.ask(
        "query($label: String!) { dataset(by: {label: $label}) { neurons { nodes { mesh { id } skeleton { id } } } } }",
        label=HEMIBRAIN,
    )
    ids = [neuron[kind]["id"] for neuron in data["dataset"]["neurons"]["nodes"] for kind in ("mesh", "skeleton")]
    renewed, calls = await counted.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id ... on File { url } } }", ids=ids)
    assert [node["id"] for node in renewed["nodes"]] == ids
    assert len({node["url"] for node in renewed["nodes"]}) == 10
    assert sum(calls.values()) <= 2, calls
