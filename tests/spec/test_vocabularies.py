"""What may be relied on in the vocabularies: every word leads to one term, parts lead to wholes, old names still work.

Reads the files as they are, without the package: the rules hold for the facts, whoever reads them.
"""

import re
import tomllib
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

VOCABULARIES = Path(__file__).parents[2] / "schema" / "vocabularies"
NAMES = [
    "animal", "brain_structure", "direction", "expression", "license", "microscopy", "neuron_type", "neurotransmitter",
    "polarity",
]  # fmt: skip
KEYS = {"name", "curie", "synonyms", "broader", "url", "description"}
CURIE_PREFIXES = {
    "animal": {"NCBITaxon"},
    "brain_structure": {"UBERON", "MBA", "FBbt", "WBbt", "CL", "GO"},
    "neuron_type": {"CL"},
    "neurotransmitter": {"CHEBI"},
    "polarity": {"CL"},
}
# The lists of SynDB as first published, misspellings and all: data sets carry these words.
PUBLISHED = {
    "animal": """
MUS_MUSCULUS; MOUSE; RATTUS_NORVEGICUS; RAT; MERIONES_UNGUICULATUS; GERBIL; CAVIA_PORCELLUS; GUINEA_PIG;
MESOCRICETUS_AURATUS; GOLDEN_HAMSTER; MACACA_MULATTA; RHESUS_MACAQUE; CALLITHRIX_JACCHUS; MARMOSET; FELIS_CATUS;
CAT; CANIS_LUPUS_FAMILIARIS; DOG; MUSTELA_PUTORIUS_FURO; FERRET; SUS_SCROFA; PIG; DANIO_RERIO; ZEBRAFISH;
ORYZIAS_LATIPES; MEDAKA; XENOPUS_LAEVIS; AFRICAN_CLAWED_FROG; AMBYSTOMA_MEXICANUM; AXOLOTL;
GALLUS_GALLUS_DOMESTICUS; CHICKEN; TAENIOPYGIA_GUTTATA; ZEBRA_FINCH; DROSOPHILA_MELANOGASTER; FRUIT_FLY;
CAENORHABDITIS_ELEGANS; NEMATODE_WORM; APLYSIA_CALIFORNICA; SEA_SLUG; PROCAMBARUS_CLARKII; CRAYFISH
""",
    "brain_structure": """
amygdaloid complex; ansa lenticularis; arachnoid mater; arbor vitae; arcuate fasciculus; basilar artery; basonucleus
amygdala; bergmann glia; bernasconi vein; blood brain barrier; blood vessels; body of fornix; brachium conjunctivum;
brain barrier system; ca1; ca2; ca3; ca4; calcarine sulcus; callosal sulcus; callosomarginal artery; caudate;
caudate nucleus; cavernosus sinus; cave of retzius; central artery; central canal; central lobule; central nucleus
amygdala; cerebellar artery; cerebellar cortex; cerebellar nuclei; cerebellar tonsil; cerebellar peduncles;
cerebellar peduncles middle; cerebellar vessels; cerebellar white matter; cerebral aqueduct; cerebral artery;
cerebral endothelial cell; cerebral vein; cerebral vessels; cerebrospinal fluid; choroidal artery; choroid plexus;
choroid plexus epithelium; choroid plexus vessels; cingulate; cingulum; circle of willis; circumflex fasciculus;
coliculus; colsulcus; column of fornix; commissure; commissure white matter; commisure; communicating artery; corpus
callosum body; corpus callosum genu; corpus callosum rostrum; corpus callosum splenium; cortex; cortical nucleus
amygdala; corticospinal tract; crus cerebri; crus of fornix; culmen; culmen vermis; cuneus; declive; declive vermis;
dendrite; dentate gyrus; dentate gyrus sulcus; dentate nucleus; dg; diagonal band of broca; dura mater; emboliform
nucleus; entorhinal cortex; ependymal cell; ependymoglia; fastigial nucleus; fastigium; fibrous astrocyte; fimbria;
fissure of sylvius; flocculonodular lobe; flocculus; folliculi; foramen of monro; forceps major; forceps minor;
fourth ventricle; frontal gyrus; frontal sulcus; frontopolar artery; funiculusis; geniculate nucleus; globose
nucleus; globus pallidus; habenula; habenular commisure; hippocampal sulcus; hippocampus; hypothalamic commissure;
hypothalamic commisure; induseum grisium; infundibulum; intercalated nucleus amygdala; interior cerebral vein;
internal capsule genu; internal capsule limb; internal carotid artery; interpeduncular fossa; interpositus nucleus;
interventricular foramen; intralaminar nucleus thalamus; lamina terminalis; lateronucleus; lemniscus; lenticular
fasciculus; lenticulostriate arteries; lingual gyrus; lingual sulcus; longitudinal fasciculus; lushka foramen;
magendie foramen; mammillary body; mammillary recess; massa intermedia; medullary reticulospinal tract; medullary
velum; meningeal vessels; middle cerebral artery; middle cerebral vein; middle temporal gyrus; midline nucleus
thalamus; nucleus amygdala; nucleus thalamus; nucleus accumbens; occipital gyrus; occipital sinus; occipital sulcus;
occipitotemporal gyrus; occipitotemporal sulcus; olfactory sulcus; olfactory trigone; oligodendrocyte; olivary
complex; olivospinal tract; ophthalmic artery; optic chiasm; optic nerve; optic recess; orbifrontal gyrus;
orbitofrontal artery; orbitofrontal cortex; paracentral lobule; paraflocculus; parahippocampal gyrus;
paraventricular nucleus thalamus; parenchymal feet; parietal gyrus; parietal lobe; parietal lobule; parietal
operculum; parieto occipital artery; parieto occipital notch; parieto occipital sulcus; pars opercularis; pars
orbitalis; pars triangularis; pedunculopontine nucleus; perforated substance; pericallosal artery; perirhinal
cortex; petrosal sinus; piastrocyte; pia mater; pinealocyte; pineal gyrus; pineal recess; pituicyte; pituitary
gyrus; pons; pontine fibers; pontine reticulospinal tract; postcentral artery; postcentral gyrus; precentral artery;
precentral gyrus; precentral sulcus; precuneus; premotor cortex; preoptic area; prepyriform area; presubiculum;
primary auditory cortex; primary fissure; primary motor cortex; primary sensory cortex; primary somatosensory
cortex; primary visual cortex; primar visual cortex; prosubiculum; protoplasmic astrocyte; pulvinar; pulvinar
nucleus; putamen; pyramidal cell; pyramidal tract; pyramis; pyramis vermis; radial glia; recess; recurrent artery of
heberden; red nucleus; reticular formation; reticular nucleus; reticular nucleus thalamus; retrolenficular part;
retrosplenial cortex; rhinal sulcus; rhombic lip; rossenthal vein; rubrospinal tract; sagittal sinus; secondary
auditory cortex; secondary somatosensory cortex; secondary visual cortex; septal nucleus; septum; septum pellucidum;
septum verum; short cingulate gyrus; short insular gyrus; sigmoid sinus; silvian fissure; simple lobule; singulate;
singulate gyrus; singulate sulcus; AL; antennal lobe; AOTU; anterior optic tubercle; CL; central lobe; CRE; crest;
DL; dorsal lobe; DM; dorsomedial protocerebrum; EB; ellipsoid body; FLA; fila; LB; lateral body; LH; lateral horn;
LAL; lateral accessory lobe; MB; mushroom body; MD; medial dome; MX; maxillary lobe; PB; protocerebral bridge; PS;
posterior superior; SIP; superior intermediate protocerebrum; SMP; superior medial protocerebrum; SLP; superior
lateral protocerebrum; TR; tract; VLP; ventrolateral protocerebrum; VPN; ventroposterior neuropil; VES; vesicle;
WED; wedge
""",
    "direction": """
anterior; anterior dorsal; anterior ventral; caudal; distal; distal caudal; distal rostral; dorsal; dorsal lateral;
dorsal medial; inferior; inferior distal; inferior proximal; lateral; lateral inferior; lateral superior; medial;
medial inferior; medial superior; posterior; posterior dorsal; posterior ventral; proximal; proximal caudal;
proximal rostral; rostral; superior; superior distal; superior proximal; ventral; ventral lateral; ventral medial
""",
    "expression": """
knock-out; knock-in; knock-down; knock-sideways; overexpression
""",
    "polarity": """
unipolar; bipolar; anaxonic; pseudounipolar; multipolar
""",
    "neuron_type": """
basket; betz; lugaro; medium spiny; purkinje; pyramidal; renshaw; unipolar brush; granule; motor; spindle; fan;
stellate; chandelier; golgi; martinotti; cajal_retzius
""",
    "neurotransmitter": """
acetylcholine; adenosine; adenosine triphosphate; adrenocorticotropic hormone; agouti related peptide; anandamide;
arachidonoylglycerol; arachidonoylglycerol 2; arachidonyl glyceryl ether; arachidonyl glyceryl ether 2; arginine;
aspartate; bombesin; bradykinin; calcitonin; calcitonin gene related peptide; carbon monoxide; cholecystokinin;
chromogranin a; cocaine and amphetamine regulated transcript; copeptin; corticotropin releasing hormone; dopamine;
dynorphins; d serine; endomorphins; endorphins; enkephalins; epinephrine; galanin; galanin like peptide; gamma
aminobutyric acid; gastrin; gastrin releasing peptide; glucagon; glucagon like peptide 1; glucagon like peptide 2;
glutamate; glycine; gonadotropin releasing hormone; growth hormone inhibiting hormone; growth hormone releasing
hormone; guanosine; histamine; hydrogen sulfide; inosine; kisspeptin; melanin concentrating hormone; melanocyte
stimulating hormones; morphine; motilin; neoendorphins; neurokinin a; neurokinin b; neuromedin b; neuromedin u;
neuropeptide b; neuropeptide ff; neuropeptide k; neuropeptide s; neuropeptide y; neurophysin i; neurophysin ii;
nicotinamide adenine dinucleotide; nitric oxide; nociceptin orphanin fq; norepinephrine; n acetylaspartylglutamate;
n arachidonoyl dopamine; n methylphenethylamine; n methyltryptamine; octopamine; orexin a; orexin b; oxytocin;
pancreatic polypeptide; parathyroid hormone related protein; peptide yy; phenethylamine; pituitary adenylate cyclase
activating peptide; prolactin releasing peptide; proopiomelanocortin; pyroglutamylated rfamide peptide; secretin;
serotonin; somatostatin; substance p; synephrine; thyrotropin releasing hormone; tryptamine; tyramine; uridine;
urocortin; vasoactive intestinal peptide; vasopressin; virodhamine
""",
    "license": """
CC0; CC-BY; CC-BY-SA; CC-BY-NC; CC-BY-NC-SA; PDDL; ODC-BY; ODbL
""",
}


@cache
def load(name):
    return tomllib.loads((VOCABULARIES / f"{name}.toml").read_text("utf-8"))


def fold(text):
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


def words(term):
    return [term["name"], *term.get("synonyms", [])]


@cache
def index(name):
    """Folded name or synonym → canonical name."""
    return {fold(word): term["name"] for term in load(name)["terms"] for word in words(term)}


def below(name, top):
    """Canonical names of everything under `top`, itself left out."""
    found, waiting = set(), [top]
    while waiting:
        above = waiting.pop()
        new = {term["name"] for term in load(name)["terms"] if above in term.get("broader", [])} - found
        found |= new
        waiting += new
    return found


def test_there_is_one_file_for_each_vocabulary_of_the_graph():
    assert sorted(path.stem for path in VOCABULARIES.glob("*.toml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_what_it_is_and_holds_nothing_unknown(name):
    vocabulary = load(name)
    assert vocabulary.keys() == {"name", "description", "terms"}
    assert vocabulary["name"] == name
    assert vocabulary["description"].endswith(".")
    for term in vocabulary["terms"]:
        assert term.keys() <= KEYS
        for text in [*words(term), term.get("description", "x"), *term.get("broader", [])]:
            assert isinstance(text, str)
            assert text
            assert text == " ".join(text.split()), text


@pytest.mark.parametrize("name", NAMES)
def test_every_word_leads_to_one_term_only(name):
    uses = Counter(fold(word) for term in load(name)["terms"] for word in words(term))
    assert {word for word, count in uses.items() if count > 1} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_broader_term_is_there_and_no_term_lies_above_itself(name):
    above = {term["name"]: term.get("broader", []) for term in load(name)["terms"]}
    assert {parent for parents in above.values() for parent in parents} <= above.keys()
    for start in above:
        seen, waiting = set(), list(above[start])
        while waiting:
            parent = waiting.pop()
            if parent not in seen:
                seen.add(parent)
                waiting += above[parent]
        assert start not in seen


@pytest.mark.parametrize("name", NAMES)
def test_a_curie_is_well_formed_of_a_known_ontology_and_given_once(name):
    curies = [term["curie"] for term in load(name)["terms"] if "curie" in term]
    assert len(curies) == len(set(curies))
    assert {curie.split(":")[0] for curie in curies} == CURIE_PREFIXES.get(name, set())
    for curie in curies:
        assert re.fullmatch(r"[A-Za-z]+:\d+", curie), curie


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_word_of_the_published_lists_is_still_understood(name):
    published = [fold(word) for word in " ".join(PUBLISHED[name].split()).split("; ")]
    assert [word for word in published if word not in index(name)] == []


def test_the_published_lists_above_are_whole():
    counts = {name: PUBLISHED[name].count(";") + 1 for name in PUBLISHED}
    assert counts == {
        "animal": 2 * 21, "brain_structure": 244 + 2 * 24, "direction": 32, "expression": 5, "polarity": 5,
        "neuron_type": 17, "neurotransmitter": 96, "license": 8,
    }  # fmt: skip


def test_twenty_two_species_have_a_taxon_and_a_class():
    terms = load("animal")["terms"]
    parents = {parent for term in terms for parent in term.get("broader", [])}
    species = [term for term in terms if term["name"] not in parents]
    assert len(species) == 21 + 1
    assert all("curie" in term and len(term["broader"]) == 1 and term["synonyms"] for term in species)
    assert {"Mus musculus", "Homo sapiens", "Sus scrofa"} < below("animal", "Mammalia")
    assert below("animal", "Vertebrata").isdisjoint({"Drosophila melanogaster", "Caenorhabditis elegans"})


def test_closed_lists_have_as_many_terms_as_they_should():
    counts = {
        name: len(load(name)["terms"]) for name in ("direction", "expression", "license", "neuron_type", "polarity")
    }
    assert counts == {"direction": 32, "expression": 6, "license": 11, "neuron_type": 17, "polarity": 5}


def test_no_direction_is_not_a_term():
    assert index("direction").keys().isdisjoint({"none", "null"})


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("animal", "mouse", "Mus musculus"),
        ("animal", "worm", "Caenorhabditis elegans"),
        ("animal", "nematode", "Caenorhabditis elegans"),
        ("animal", "fruit fly", "Drosophila melanogaster"),
        ("animal", "Drosophila", "Drosophila melanogaster"),
        ("animal", "Gallus gallus domesticus", "Gallus gallus"),
        # Misspelt, cut short or wrongly expanded in the first list
        ("brain_structure", "central lobe", "clamp"),
        ("brain_structure", "crest", "crepine"),
        ("brain_structure", "vesicle", "vest"),
        ("brain_structure", "fila", "flange"),
        ("brain_structure", "posterior superior", "posterior slope"),
        ("brain_structure", "primar visual cortex", "primary visual cortex"),
        ("brain_structure", "commisure", "brain commissure"),
        ("brain_structure", "habenular commisure", "habenular commissure"),
        ("brain_structure", "hypothalamic commisure", "hypothalamic commissure"),
        ("brain_structure", "coliculus", "colliculus"),
        ("brain_structure", "colsulcus", "collateral sulcus"),
        ("brain_structure", "singulate", "cingulate cortex"),
        ("brain_structure", "singulate gyrus", "cingulate gyrus"),
        ("brain_structure", "singulate sulcus", "cingulate sulcus"),
        ("brain_structure", "silvian fissure", "lateral sulcus"),
        ("brain_structure", "cavernosus sinus", "cavernous sinus"),
        ("brain_structure", "induseum grisium", "indusium griseum"),
        ("brain_structure", "lushka foramen", "foramen of Luschka"),
        ("brain_structure", "orbifrontal gyrus", "orbitofrontal gyrus"),
        ("brain_structure", "retrolenficular part", "retrolenticular part of internal capsule"),
        ("brain_structure", "rossenthal vein", "basal vein of Rosenthal"),
        ("brain_structure", "recurrent artery of heberden", "recurrent artery of Heubner"),
        ("brain_structure", "basonucleus amygdala", "basal nucleus of the amygdala"),
        ("brain_structure", "funiculusis", "funiculus"),
        ("brain_structure", "pineal gyrus", "pineal gland"),
        ("brain_structure", "pituitary gyrus", "pituitary gland"),
        # Abbreviations
        ("brain_structure", "ca1", "CA1"),
        ("brain_structure", "dg", "dentate gyrus"),
        ("brain_structure", "V1", "primary visual cortex"),
        ("brain_structure", "AL", "antennal lobe"),
        ("brain_structure", "MB", "mushroom body"),
        ("brain_structure", "SCL", "superior clamp"),
        ("brain_structure", "cortex", "cerebral cortex"),
        ("microscopy", "focused ion beam scanning electron microscopy", "FIB-SEM"),
        ("microscopy", "Serial Block-Face scanning electron microscopy", "SBEM"),
        ("microscopy", "confocal", "confocal microscopy"),
        ("microscopy", "LM", "light microscopy"),
        ("license", "CC BY 4.0", "CC-BY-4.0"),
        ("license", "cc0", "CC0-1.0"),
        ("license", "ODC-BY", "ODC-By-1.0"),
        ("neurotransmitter", "gaba", "GABA"),
        ("neurotransmitter", "gamma aminobutyric acid", "GABA"),
        ("neurotransmitter", "ser", "serotonin"),
        ("neurotransmitter", "5ht", "serotonin"),
        ("neurotransmitter", "5-HT", "serotonin"),
        ("neurotransmitter", "Octapamine", "octopamine"),
        ("neurotransmitter", "oa", "octopamine"),
        ("neurotransmitter", "oct", "octopamine"),
        ("neurotransmitter", "ach", "acetylcholine"),
        ("neurotransmitter", "glut", "glutamate"),
        ("neurotransmitter", "da", "dopamine"),
        ("neurotransmitter", "FMRFamide", "FMRFamide"),
        ("neurotransmitter", "growth hormone inhibiting hormone", "somatostatin"),
        ("neuron_type", "cajal_retzius", "Cajal-Retzius"),
        ("expression", "knockout", "knock-out"),
    ],
)
def test_what_people_write_leads_to_the_right_term(name, written, meant):
    assert index(name)[fold(written)] == meant


def test_letters_that_mean_something_else_are_not_transmitters():
    known = index("neurotransmitter").keys()
    assert not [word for word in known if len(word) == 1]
    # "NA" and "no" are a missing value and a negation in a table's cell, "NAD" is two substances.
    assert known.isdisjoint({"na", "no", "nad", "serine"})


def test_a_former_version_of_a_licence_is_another_licence():
    assert index("license").keys().isdisjoint({"cc by 3.0", "cc by 2.0", "cc by sa 3.0", "cc by nc 3.0"})
    assert all(term["url"].startswith("https://") and term["description"] for term in load("license")["terms"])


def test_a_search_for_a_whole_finds_its_parts():
    assert {"CA1", "CA2", "CA3", "CA4", "dentate gyrus", "subiculum"} < below("brain_structure", "hippocampus")
    assert "primary visual cortex" in below("brain_structure", "visual cortex") & below(
        "brain_structure", "occipital lobe"
    )
    assert "primary visual cortex" in below("brain_structure", "cerebral cortex")
    assert {"ellipsoid body", "fan-shaped body", "protocerebral bridge", "noduli"} < below(
        "brain_structure", "central complex"
    )
    assert {"calyx", "superior clamp", "lobula plate", "antennal lobe", "tract"} < below(
        "brain_structure", "adult fly brain"
    )
    assert {"nerve ring", "ventral nerve cord", "pharyngeal nervous system"} < below(
        "brain_structure", "nervous system"
    )
    assert {"FIB-SEM", "ssTEM", "GridTape-TEM", "cryo-ET"} < below("microscopy", "electron microscopy")
    assert below("microscopy", "light microscopy").isdisjoint({"FIB-SEM", "X-ray nanotomography"})


@pytest.mark.parametrize(
    "chain",
    [
        "CA1 < Ammon's horn < hippocampal region < hippocampal formation < cortical plate < CTX < cerebrum",
        "ProSd < ProS < retrohippocampal region < HPF < CTXpl",
        "ENTl < entorhinal area < RHP",
        "SSp-bfd < SSp < somatosensory areas < isocortex < CTXpl < CTX < CH",
        "VISl < visual areas < isocortex",
        "MOB < olfactory areas < CTXpl",
        "BLAa < BLA < CTXsp < CTX",
        "BLA < amygdala",
        "caudoputamen < STRd < STR < CNU < CH",
        "CEAl < central amygdalar nucleus < sAMY < STR",
        "GPe < PALd < PAL < CNU",
        "VPM < VP < VENT < DORsm < TH < interbrain < BS < brain",
        "LGd-sh < LGd < GENd < DORsm",
        "LHb < EPI < DORpm < TH",
        "ARH < PVZ < HY < interbrain",
        "SNc < MBsta < midbrain < BS",
        "SNc < substantia nigra < basal ganglia",
        "IPN < RAmb < MBsta",
        "KF < parabrachial nucleus < P-sen < pons < HB < BS",
        "NTSm < NTS < MY-sen < MY < HB",
        "ANcr1 < AN < HEM < CBX < CB < brain",
        "CUL4 < CUL < VERM < CBX",
    ],
)
def test_structures_of_the_mouse_lie_where_the_allen_atlas_has_them(chain):
    names = [index("brain_structure")[fold(word)] for word in chain.split(" < ")]
    for part, whole in pairwise(names):
        assert part != whole
        assert part in below("brain_structure", whole), f"{part} < {whole}"


def test_a_number_of_the_allen_atlas_names_its_structure():
    curies = {term["curie"].casefold(): term["name"] for term in load("brain_structure")["terms"] if "curie" in term}
    known = index("brain_structure") | curies
    numbers = {"MBA:382": "CA1", "MBA:315": "isocortex", "MBA:385": "primary visual cortex", "MBA:672": "caudoputamen",
               "MBA:985": "primary motor cortex", "MBA:1080": "hippocampus", "MBA:528": "cerebellar cortex"}  # fmt: skip
    assert {number: known[number.casefold()] for number in numbers} == numbers
    assert sum(word.startswith("mba:") for word in known) > 550


def test_the_worm_and_the_fly_do_not_share_a_nerve_cord():
    curies = {term["name"]: term.get("curie") for term in load("brain_structure")["terms"]}
    assert curies["nervous system"] == "WBbt:0005735"
    assert curies["nerve ring"] == "WBbt:0006749"
    assert curies["ventral nerve cord"] == "WBbt:0005829"
    assert curies["adult ventral nerve cord"] == "FBbt:00004052"
    assert "ventral nerve cord" not in below("brain_structure", "central nervous system")
