"""Makes the six demo data sets from the data files inside three published Python packages.

Fetch the packages first; nothing of them is installed or imported, their wheels are opened as zip files:

    pip download --no-deps --dest WHEEL_DIR navis==1.12.0 cect==0.3.5 bmtk==1.2.0
    python -m syndb_graphql.demo.convert WHEEL_DIR OUT_DIR

The same wheels give the same bytes on every run. What the data are, who made them and what was left out is told in
`data/README.md`; reading the folders is the loader's work. Values keep the units of their source (voxels of 8 nm,
micrometres): each `dataset.toml` states them and the loader converts.

Meshes are written with `MESH_DECIMALS` decimals: the sources print 32-bit numbers with eight, of which the last three
say nothing (each vertex is checked to be the same 32-bit number), and without them all the data stay below 5 MB.
"""

import argparse
import csv
import json
import re
import struct
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from zipfile import ZipFile

import fastexcel

PACKAGES = {"navis": "1.12.0", "cect": "0.3.5", "bmtk": "1.2.0"}
MESH_DECIMALS = 5
HEMIBRAIN_VOXEL_NM = 8

HEMIBRAIN_TOML = f'''\
[dataset]
label = "Hemibrain DA1 projection neurons"
animal = "Drosophila melanogaster"
microscopy = "FIB-SEM"
license = "CC-BY-4.0"
publications = ["10.7554/eLife.57443"]
wild_type = true
notes = """
Five olfactory projection neurons (type DA1_lPN, right side) of the Janelia hemibrain: skeletons, meshes and 14,836
synaptic sites. A site knows only the neuron it lies on: a `presynaptic_site` (T-bar) has no postsynaptic neuron and
a `postsynaptic_site` (density) no presynaptic one. Fly synapses are polyadic, so the two are counted apart.
`confidence` is that of the detection. The meshes are open surfaces. Axon and dendrite are not split.
"""

[[dataset.brain_regions]]
structure = "antennal lobe"
direction = "none"

[dataset.sample]
individuals = 1
individual_id = "Janelia:hemibrain"
sex = "female"
age = 5
age_unit = "day"
stage = "adult"
strain = "Canton S G1 x w1118"
hemisphere = "right"
voxel_size_nm = {{ x = {HEMIBRAIN_VOXEL_NM}, y = {HEMIBRAIN_VOXEL_NM}, z = {HEMIBRAIN_VOXEL_NM} }}
proofreading = "status Traced in neuPrint"
sampling = "targeted"
inclusion = "five neurons of one cell type, chosen as examples"

[tables.synapse]
length_unit = "voxel"
voxel_size_nm = {{ x = {HEMIBRAIN_VOXEL_NM}, y = {HEMIBRAIN_VOXEL_NM}, z = {HEMIBRAIN_VOXEL_NM} }}

[files.mesh]
unit = "voxel"
scale_to_nanometer = {HEMIBRAIN_VOXEL_NM}

[files.skeleton]
unit = "voxel"
scale_to_nanometer = {HEMIBRAIN_VOXEL_NM}
'''

WORM_TOML = '''\
[dataset]
label = "C. elegans connectome"
animal = "Caenorhabditis elegans"
microscopy = "ssTEM"
license = "MIT"
wild_type = true
notes = """
Connections among the 299 neurons named in the sheet Connectome of OpenWorm's CElegansNeuronTables.xls: 2,279 chemical
(directed) and 1,084 electrical rows (gap junctions, undirected: 1,054 have their mirror row, 10 of these with another
count, 5 join a cell to itself, 25 stand alone). The worm is a composite of several animals: one number a connection,
no spread between animals. Transmitters are the sheet's, one a sending cell, before later corrections; where it names a
pair, `neurotransmitter` is null and `neurotransmitter_source` has the pair. The package calls the sheet a legacy data
set based on White et al. 1986 and names no publication for it, so none is given here. Connections to muscles and the
sheet Sensory are left out.
"""

[[dataset.brain_regions]]
structure = "nervous system"
direction = "none"

[dataset.sample]
sex = "hermaphrodite"
condition = "composite of several animals"
'''

MOUSE_TOML = '''\
[dataset]
label = "{label}"
animal = "Mus musculus"
microscopy = "light microscopy"
license = "BSD-3-Clause"
wild_type = false
notes = """
Skeletons from the Allen Cell Types Database: neurons of {allele} x Ai14 mice, filled with biocytin in a slice of the
primary visual cortex and traced by light microscopy. Axons were cut by the slicing: over 96 % of the length is
dendrite. Each skeleton has its own origin, so positions cannot be compared between neurons.
"""

[[dataset.brain_regions]]
structure = "primary visual cortex"
direction = "none"

[[dataset.mutations]]
gene = "{gene}"
expression = "{expression}"
allele = "{allele}"
role = "driver"

[[dataset.mutations]]
gene = "Gt(ROSA)26Sor"
expression = "knock-in"
allele = "Ai14"
role = "reporter"

[dataset.sample]
individuals = {individuals}
{individual_id}shrinkage = "unknown"
sampling = "targeted"
inclusion = "neurons filled and recorded in a slice"

[tables.neuron]
length_unit = "um"

[files.skeleton]
unit = "um"
scale_to_nanometer = 1000
'''

# Driver line -> gene, how its Cre came into the genome, and the skeletons with the animal each names in its header.
MOUSE_LINES: dict[str, tuple[str, str, dict[str, str]]] = {
    "Nr5a1-Cre": ("Nr5a1", "transgenic", {"Nr5a1_471087815": "169250"}),
    "Pvalb-IRES-Cre": ("Pvalb", "knock-in", {"Pvalb_469628681": "169125", "Pvalb_470522102": "176847"}),
    "Rorb-IRES2-Cre": ("Rorb", "knock-in", {"Rorb_325404214": "168053"}),
    "Scnn1a-Tg3-Cre": ("Scnn1a", "transgenic", {"Scnn1a_473845048": "177300"}),
}

# The sheet's spellings in the vocabulary's; a pair of transmitters and a gap junction have no single one.
TRANSMITTERS: dict[str, str | None] = {
    "Acetylcholine": "acetylcholine",
    "Dopamine": "dopamine",
    "FMRFamide": "FMRFamide",
    "GABA": "gamma aminobutyric acid",
    "Glutamate": "glutamate",
    "Octapamine": "octopamine",
    "Serotonin": "serotonin",
    "Acetylcholine_Tyramine": None,
    "Serotonin_Acetylcholine": None,
    "Serotonin_Glutamate": None,
    "Generic_GJ": None,
}
RELATION_TYPES = {"Send": "chemical", "GapJunction": "electrical"}
SITE_KINDS = {"pre": "presynaptic_site", "post": "postsynaptic_site"}

TRAILING_ZEROS = re.compile(r"\.0+(?=\s|$)|(\.\d*[1-9])0+(?=\s|$)", re.MULTILINE)


def open_wheel(folder: Path, package: str) -> ZipFile:
    """The package's wheel in `folder`; FileNotFoundError with the command that fetches it where it is missing."""
    version = PACKAGES[package]
    found = sorted(folder.glob(f"{package}-{version}-*.whl"))
    if not found:
        raise FileNotFoundError(
            f"no wheel of {package} {version} in {folder}; "
            f"fetch it with: pip download --no-deps --dest {folder} {package}=={version}"
        )
    return ZipFile(found[0])


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 with line feeds on every system, and makes the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a csv; None becomes an empty cell (null), True and False are written `true` and `false`."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(cell).lower() if isinstance(cell, bool) else cell for cell in row] for row in rows)
    write_text(path, text.getvalue())


def shorten_vertex(number: str) -> str:
    """A vertex coordinate with `MESH_DECIMALS` decimals; ValueError where that is another 32-bit number."""
    short = f"{float(number):.{MESH_DECIMALS}f}".rstrip("0").rstrip(".")
    if struct.pack("f", float(short)) != struct.pack("f", float(number)):
        raise ValueError(f"vertex coordinate {number} is another 32-bit number with {MESH_DECIMALS} decimals: {short}")
    return short


def shorten_mesh(obj: str, comment: str) -> str:
    """The OBJ file's vertices and faces in their order, under one line of comment."""
    lines = [f"# {comment}"]
    for line in obj.splitlines():
        match line.split():
            case ["v", *coordinates]:
                lines.append(" ".join(["v", *map(shorten_vertex, coordinates)]))
            case ["f", *_]:
                lines.append(line)
    return "\n".join(lines) + "\n"


def convert_hemibrain(wheel: ZipFile, out: Path) -> None:
    """Writes the five fly neurons: tables, skeletons and meshes, all in voxels of 8 nm."""
    neurons: list[tuple[object, ...]] = []
    sites: list[tuple[object, ...]] = []
    meta = json.loads(wheel.read("navis/data/meta.json"))
    for body in sorted(meta):
        mesh, skeleton = f"meshes/{body}.obj", f"skeletons/{body}.swc"
        neurons.append((body, meta[body]["instance"], meta[body]["type"], mesh, skeleton))
        sites += read_sites(body, wheel.read(f"navis/data/synapses/{body}.csv").decode())
        comment = f"hemibrain body {body}, voxels of {HEMIBRAIN_VOXEL_NM} nm; CC-BY-4.0, doi:10.7554/eLife.57443"
        write_text(out / mesh, shorten_mesh(wheel.read(f"navis/data/obj/{body}.obj").decode(), comment))
        swc = wheel.read(f"navis/data/swc/{body}.swc").decode()
        write_text(out / skeleton, TRAILING_ZEROS.sub(r"\1", swc))
    write_table(out / "neuron.csv", ["cid", "name", "cell_type", "mesh_path", "swc_path"], neurons)
    columns = ["cid", "kind", "pre_neuron_id", "post_neuron_id"]
    columns += ["centroid_x", "centroid_y", "centroid_z", "region", "confidence"]
    write_table(out / "synapse.csv", columns, sites)
    write_text(out / "dataset.toml", HEMIBRAIN_TOML)


def read_sites(body: str, text: str) -> list[tuple[object, ...]]:
    """The synaptic sites on one neuron; `connector_id` begins again in each file, so the body is part of the id."""
    return [
        (
            f"{body}/{row['connector_id']}",
            SITE_KINDS[row["type"]],
            body if row["type"] == "pre" else None,
            body if row["type"] == "post" else None,
            row["x"],
            row["y"],
            row["z"],
            row["roi"],
            row["confidence"],
        )
        for row in csv.DictReader(StringIO(text))
    ]


def convert_worm(wheel: ZipFile, out: Path) -> None:
    """Writes the worm's neurons, sorted by name, and their connections in the sheet's order."""
    book = fastexcel.read_excel(wheel.read("cect/data/CElegansNeuronTables.xls"))
    sheet = book.load_sheet("Connectome").to_polars()
    sheet = sheet.select("Origin", "Target", "Type", "Number of Connections", "Neurotransmitter")
    relations = [
        (pre, post, RELATION_TYPES[kind], kind == "Send", count, TRANSMITTERS[transmitter], transmitter)
        for pre, post, kind, count, transmitter in sheet.iter_rows()
    ]
    cells = sorted({cell for relation in relations for cell in relation[:2]})
    write_table(out / "neuron.csv", ["cid", "name"], [(cell, cell) for cell in cells])
    columns = ["pre_neuron_id", "post_neuron_id", "relation_type", "directed", "synapse_count"]
    columns += ["neurotransmitter", "neurotransmitter_source"]
    write_table(out / "neuron_relation.csv", columns, relations)
    write_text(out / "dataset.toml", WORM_TOML)


def convert_mouse(wheel: ZipFile, out: Path, allele: str) -> None:
    """Writes the neurons of one driver line: table and skeletons in micrometres, the skeletons byte for byte."""
    gene, expression, animals = MOUSE_LINES[allele]
    neurons: list[tuple[object, ...]] = []
    for name, animal in animals.items():
        swc = wheel.read(f"bmtk/utils/scripts/bionet/morphologies/{name}_m.swc").decode()
        if f"{animal}." not in swc.partition("\n1 ")[0]:
            raise ValueError(f"the header of {name}_m.swc does not name animal {animal}")
        skeleton = f"skeletons/{name}.swc"
        neurons.append((name.partition("_")[2], name, *read_soma(swc), f"Allen Institute:{animal}", skeleton))
        write_text(out / skeleton, swc)
    columns = ["cid", "name", "soma_x", "soma_y", "soma_z", "individual_id", "swc_path"]
    write_table(out / "neuron.csv", columns, neurons)
    one = f'individual_id = "Allen Institute:{next(iter(animals.values()))}"\n' if len(animals) == 1 else ""
    toml = MOUSE_TOML.format(
        label=f"Mouse V1 {gene} neuron{'' if one else 's'}",
        gene=gene,
        expression=expression,
        allele=allele,
        individuals=len(set(animals.values())),
        individual_id=one,
    )
    write_text(out / "dataset.toml", toml)


def read_soma(swc: str) -> list[str]:
    """x, y, z of the skeleton's one node of type 1 (soma), as written; ValueError where there is not exactly one."""
    nodes = [line.split() for line in swc.splitlines() if line.strip() and not line.startswith("#")]
    somata = [node[2:5] for node in nodes if node[1] == "1"]
    if len(somata) != 1:
        raise ValueError(f"the skeleton has {len(somata)} soma nodes; one is needed")
    return somata[0]


def convert(wheels: Path, out: Path) -> None:
    """Writes the six folders into `out`, over files of the same name; FileNotFoundError where a wheel is missing."""
    with open_wheel(wheels, "navis") as navis, open_wheel(wheels, "cect") as cect, open_wheel(wheels, "bmtk") as bmtk:
        convert_hemibrain(navis, out / "hemibrain-da1")
        convert_worm(cect, out / "celegans-connectome")
        for allele, (gene, _, _) in MOUSE_LINES.items():
            convert_mouse(bmtk, out / f"mouse-v1-{gene.lower()}", allele)


def main() -> None:
    """Reads the two folders from the command line."""
    parser = argparse.ArgumentParser(prog="python -m syndb_graphql.demo.convert", description="Makes the demo data.")
    parser.add_argument("wheels", metavar="WHEEL_DIR", type=Path, help="folder with the three downloaded wheels")
    parser.add_argument("out", metavar="OUT_DIR", type=Path, help="folder that receives the six data-set folders")
    arguments = parser.parse_args()
    convert(arguments.wheels, arguments.out)


if __name__ == "__main__":
    main()
