"""What the servers in Python ask of SQLite. The connection is set up the same in each."""

import os

ROWS_DB = os.environ["ROWS_DB"]
COLUMNS = (
    "cid", "polarity", "mesh_volume", "mesh_surface_area", "mesh_sphericity",
    "centroid_x", "centroid_y", "centroid_z", "cable_length", "n_branches",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM neuron"
PAGE = f"{_SELECT} WHERE dataset_id = ? AND cid > ? ORDER BY cid LIMIT ?"
ONE = f"{_SELECT} WHERE dataset_id = ? AND cid = ?"
BY_CID = f"{_SELECT} WHERE cid = ?"
CIDS = "SELECT cid FROM neuron WHERE dataset_id = ? AND cid > ? ORDER BY cid LIMIT ?"
CHILDREN = (
    "SELECT cid, connection_score, x, y, z FROM synapse WHERE neuron_id = ? AND dataset_id = ? ORDER BY cid LIMIT ?"
)
PRAGMAS = ("PRAGMA mmap_size = 1073741824", "PRAGMA cache_size = -262144")
