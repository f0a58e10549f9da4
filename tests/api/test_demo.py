"""A first user on the demo data: the values that are known from elsewhere come back through the front door."""

import hashlib

import httpx
import pytest

HEMIBRAIN = "Hemibrain DA1 projection neurons"
# body: cable length in nm, branch points, leaves, outgoing, incoming, mesh volume in µm³
KNOWN = {
    "1734350788": (2131815.0, 599, 618, 621, 2084, 725.3),
    "1734350908": (2434661.248, 735, 761, 725, 2317, 859.1),
    "722817260": (2197626.936, 633, 656, 701, 2435, 690.8),
    "754534424": (2292179.6, 696, 726, 646, 2364, 782.9),
    "754538881": (2330122.544, 626, 642, 623, 2320, 734.5),
}

THE_QUESTION = """{ datasets { nodes { label neurons(first: 5) { nodes {
  sourceId cableLength branchCount leafCount meshVolume(unit: MICROMETER) skeleton { url sha256 }
  outgoingSynapses(first: 3) { totalCount nodes { confidence } } incomingSynapses { totalCount } } } } } }"""


async def test_one_question_from_data_sets_down_to_synapses_gives_the_known_values(client):
    data = await client.ask(THE_QUESTION)
    by_label = {dataset["label"]: dataset["neurons"]["nodes"] for dataset in data["datasets"]["nodes"]}
    assert len(by_label) == 6
    for neuron in by_label[HEMIBRAIN]:
        cable, branches, leaves, outgoing, incoming, volume = KNOWN[neuron["sourceId"]]
        assert neuron["cableLength"] == pytest.approx(cable, rel=1e-6)
        assert (neuron["branchCount"], neuron["leafCount"]) == (branches, leaves)
        assert neuron["outgoingSynapses"]["totalCount"] == outgoing
        assert neuron["incomingSynapses"]["totalCount"] == incoming
        assert len(neuron["outgoingSynapses"]["nodes"]) == 3
        assert neuron["meshVolume"] == pytest.approx(volume, abs=0.05)
    assert {neuron["sourceId"] for neuron in by_label[HEMIBRAIN]} == set(KNOWN)


async def test_a_link_gives_the_very_skeleton_whose_checksum_was_told(client):
    data = await client.ask(THE_QUESTION)
    (hemibrain,) = [dataset for dataset in data["datasets"]["nodes"] if dataset["label"] == HEMIBRAIN]
    for neuron in hemibrain["neurons"]["nodes"]:
        response = await client.http.get(neuron["skeleton"]["url"])
        assert response.status_code == 200
        assert hashlib.sha256(response.content).hexdigest() == neuron["skeleton"]["sha256"]


async def test_a_server_of_its_own_answers_the_same(demo_server, client):
    async with httpx.AsyncClient() as http:
        over_the_wire = (await http.post(demo_server.url + "/graphql", json={"query": THE_QUESTION})).json()
    within = await client.ask(THE_QUESTION)
    for answer in (over_the_wire["data"], within):
        for dataset in answer["datasets"]["nodes"]:
            for neuron in dataset["neurons"]["nodes"]:
                if neuron["skeleton"]:
                    neuron["skeleton"].pop("url")
    assert over_the_wire["data"] == within


async def test_each_neuron_s_skeleton_mesh_and_synapses_lie_in_one_place(client):
    """The boxes of the three agree within 2 µm, so one scale holds for all of them."""
    data = await client.ask(
        """query($label: String!) { dataset(by: {label: $label}) { neurons(first: 5) { nodes {
          sourceId boundingBox(unit: MICROMETER) { min { x y z } max { x y z } }
          outgoingSynapses(first: 1000) { nodes { centroid(unit: MICROMETER) { x y z } } }
          incomingSynapses(first: 3000) { nodes { centroid(unit: MICROMETER) { x y z } } }
          mesh { url scaleToNanometer { x y z } } } } } }""",
        {"label": HEMIBRAIN},
    )
    trimesh = pytest.importorskip("trimesh")
    import io

    for neuron in data["dataset"]["neurons"]["nodes"]:
        box = neuron["boundingBox"]
        points = [
            edge["centroid"] for side in ("outgoingSynapses", "incomingSynapses") for edge in neuron[side]["nodes"]
        ]
        assert len(points) == sum(KNOWN[neuron["sourceId"]][3:5])
        loaded = trimesh.load(
            io.BytesIO((await client.http.get(neuron["mesh"]["url"])).content), file_type="glb", force="mesh"
        )
        for index, axis in enumerate("xyz"):
            low, high = box["min"][axis], box["max"][axis]
            scale = neuron["mesh"]["scaleToNanometer"][axis] / 1000
            mesh_low, mesh_high = loaded.bounds[0][index] * scale, loaded.bounds[1][index] * scale
            assert abs(mesh_low - low) < 2
            assert abs(mesh_high - high) < 2
            assert min(point[axis] for point in points) > low - 2
            assert max(point[axis] for point in points) < high + 2


async def test_the_worm_s_wiring_is_there_with_both_kinds_of_connection(client):
    data = await client.ask(
        """{ dataset(by: {label: "C. elegans connectome"}) { animal { name curie synonyms } neurons { totalCount }
          neuronRelations(first: 10000) { totalCount nodes { relationType directed synapseCount preNeuron { name } postNeuron { name } } } } }"""
    )
    worm = data["dataset"]
    relations = worm["neuronRelations"]["nodes"]
    assert worm["animal"]["curie"] == "NCBITaxon:6239"
    assert worm["neurons"]["totalCount"] == 299
    assert worm["neuronRelations"]["totalCount"] == len(relations) == 3363
    kinds = [relation["relationType"] for relation in relations]
    assert (kinds.count("chemical"), kinds.count("electrical")) == (2279, 1084)
    assert all(relation["directed"] == (relation["relationType"] == "chemical") for relation in relations)
    assert all(relation["preNeuron"]["name"] and relation["postNeuron"]["name"] for relation in relations)
