"""Every key of dataset.toml in a line, with an example: what `init` writes above it. The shapes are in sections.py."""

DATASET = {
    "label": ("The title: one line of at most 120 characters.", '"Hemibrain DA1 projection neurons"'),
    "animal": ("The species, by any of its names or its NCBITaxon id:", '"Drosophila melanogaster"'),
    "microscopy": ("How it was imaged, by any name of the method:", '"FIB-SEM"'),
    "brain_regions": (
        "Where it is from: one region or more, each with a structure and, where it applies, a direction.",
        '[{ structure = "antennal lobe", direction = "none" }]',
    ),
    "license": ("Under what licence others may use the data:", '"CC-BY-4.0"'),
    "publications": ("DOIs of the papers the data are from.", '["10.7554/eLife.57443"]'),
    "wild_type": ("true: no mutation; false: some; left out: unknown.", "true"),
    "notes": (
        "What a reader should know, in Markdown, at most 5,000 characters.",
        '"""\n# Two lines\n# of Markdown.\n# """',
    ),
    "id": (
        "A UUID, if the data set has one already. Left out, it follows from owner and label.",
        '"5f3ab5c1-6d0c-4b0e-9a53-0d6f3b0f5d11"',
    ),
}
"""Key → what it is, and an example. Those with parts (mutations, sample) follow below."""
MUTATION = {
    "gene": ("Its symbol (required).", '"Pvalb"'),
    "expression": ("What was done (required):", '"knock-in"'),
    "allele": ("The allele or line.", '"Pvalb-IRES-Cre"'),
    "rrid": ("Research resource identifier of the line.", '"RRID:IMSR_JAX:017320"'),
    "role": ("mutation, driver or reporter.", '"driver"'),
}
SAMPLE = {
    "individuals": ("How many animals.", "1"),
    "individual_id": (
        "Which animal, with its lab: the same in two data sets where it is the same one.",
        '"lab:mouse-7"',
    ),
    "sex": ("Of the animals.", '"female"'),
    "age": ("Of the animals, a number.", "56"),
    "age_unit": ("", '"day"'),
    "stage": ("Of their life.", '"adult"'),
    "strain": ("", '"C57BL/6J"'),
    "strain_rrid": ("", '"RRID:IMSR_JAX:000664"'),
    "hemisphere": ("left or right.", '"left"'),
    "condition": ("Treatment, training, disease.", '"control"'),
    "fixation": ("How the tissue was fixed.", '"perfusion, 2.5 % glutaraldehyde"'),
    "shrinkage": ("none, corrected or unknown.", '"unknown"'),
    "shrinkage_factor": ("Length now divided by length before.", "0.93"),
    "voxel_size_nm": ("Of the image.", "{ x = 4, y = 4, z = 40 }"),
    "section_thickness_nm": ("", "40"),
    "imaged_box_nm": (
        "The imaged volume in the data's coordinates.",
        "{ min = { x = 0, y = 0, z = 0 }, max = { x = 50000, y = 50000, z = 20000 } }",
    ),
    "sampled_volume_um3": ("How much of it was looked at.", "50000"),
    "segmentation": ("Method and version.", '"flood-filling network, v1.2"'),
    "proofreading": ("Who corrected what.", '"somata and axons, two people"'),
    "synapse_detection": ("Method and version.", '"U-Net, 2023-05"'),
    "detection_threshold": ("Of the detector's score.", "0.5"),
    "completeness": ("Share of what is there that was found.", "0.9"),
    "sampling": ("dense (all there is), targeted (chosen) or random.", '"dense"'),
    "inclusion": ("What was taken in.", '"cells with a soma in the volume"'),
}
TABLE = {
    "file": (
        "The file, where it is not named after the table; a list of files or a pattern, where it lies in several.",
        '["synapses_v3.csv"]',
    ),
    "sheet": ("Which sheet of a workbook, where several hold data.", '"Table S3"'),
    "header_row": ("The row with the names of the columns, where it is not the first.", "3"),
    "encoding": ("Of a file of text that is not in UTF-8.", '"iso-8859-7"'),
    "decimal": ("The decimal sign of numbers in text: . or ,", '","'),
    "thousands": ("What parts the thousands of numbers in text, where something does.", '"."'),
    "length_unit": ("Of every length, area, volume and coordinate: nm, um, mm, m, angstrom or voxel.", '"nm"'),
    "voxel_size_nm": ("nm a voxel, where the unit is voxel.", "{ x = 4, y = 4, z = 40 }"),
    "units": ("Columns or points in another unit.", '{ mesh_volume = "um3" }'),
    "axes": ("Order of the numbers in a cell that holds a point.", '"zyx"'),
    "ignore": ("Columns of the file that are left out.", '["valid"]'),
    "columns": ("The file's name of a column = ours.", '{ ctr_pt_position = "centroid" }'),
}
FILES = {
    "unit": ("Of the coordinates in the files: nm, um, mm, m, angstrom or voxel.", '"voxel"'),
    "scale_to_nanometer": ("nm a voxel: a number, or one an axis.", "{ x = 4, y = 4, z = 40 }"),
    "offset_nm": ("What is added after scaling: a number, or one an axis.", "{ x = 0, y = 0, z = 0 }"),
}
