"""Made-up data sets of any size, as folders that `syndb-graphql load` takes: for tests and for measuring.

What there is to make is read from schema/, so a table or column that is added there is made too. `values` draws what a
cell holds, `links` says which row refers to which, `files` makes meshes and skeletons, `folder` writes it all down.
Nothing is measured, and every data set says so in its label and notes.
"""

from bench.synthetic.folder import FORMATS, usual_rows, write_synthetic

__all__ = ["FORMATS", "usual_rows", "write_synthetic"]
