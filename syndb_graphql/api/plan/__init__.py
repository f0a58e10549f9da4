"""Answers without the engine: a document's selection compiled once, rows read as columns, objects made a page at a time.

The engine (graphql-core) walks a page field by field: half a second for 10,000 rows of ten columns. A plan answers the same document
in a fiftieth of that. It knows the one case in which everything goes well; whatever else happens (a wrong argument, a store that fails,
a value that the schema does not allow) ends it, and the engine answers the request from its beginning, so every error, path
and null is the engine's own. `compile_plan` raises `Unplanned` for what no plan can answer (introspection).

    compile      the selection, by the engine's own collection of fields -> plans
    arguments    of fields, by a recipe where only variables differ
    objects      what is in memory: data sets, terms, the model
    connections  pages of rows: read piece by piece, answered, dealt out to what they hang from
    ahead        the reads of those pieces, one after another
    rows         rows and what they refer to: columns read, checked and turned into answers
    values       columns of stored values -> columns of answered values
    nodes        anything by its id
    engine       the engine itself, where there is no plan, with the columns' way for its long lists of rows
"""
