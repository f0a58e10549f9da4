"""Names that the graph, the stores and their languages have for themselves, so that no fact in schema/ may take one.

What the graph has is compared with its SDL in the tests.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ROW_FIELDS = _words("id cid sourceId dataset childCounts partCounts")
"""Of every row, beside those that follow from its terms."""

SYNTAX_FIELDS = _words("nodes edges node cursor pageInfo parent neuron mesh skeleton mutation query subscription")
"""Of connections, of terms that are no plain columns, and of the operations: a plain column with such a name would mislead."""

DATASET_FIELDS = _words("""
    animal brainRegions createdAt id label license microscopy mutations notes publications publishedAt revision rowCount
    sample tables updatedAt uuid version wildType
""")
"""Of a data set, where each table adds its own two."""

TYPE_NAMES = _words("""
    BigInt Boolean Box BrainRegion BrainRegionFilter Bucket Column ColumnOrigin ColumnType Count Dataset DatasetBy
    DatasetColumn DatasetConnection DatasetEdge DatasetField DatasetFilter DatasetOrder DatasetOrderField
    DatasetTable DateTime DateTimeFilter Facet File Float GeneMutation GeneMutationFilter Highlight Histogram ID Int
    IntFilter LengthUnit License Mesh MetricRow MutationRole Node NumberStats OrderDirection PageInfo Point
    Publication Query RowBy RowCountFilter Sample Server Skeleton String Table TableCount TableName TablesFilter
    Term TermConnection TermEdge TermFilter TextFilter URL UUID UUIDFilter VocabularyName VolumeMethod
    Mutation Subscription
""")
"""Of the graph; the last two make the roots of operations by their name alone."""

VOCABULARIES = ("animal", "brain_structure", "direction", "expression", "license", "microscopy")
"""That the description of a data set is made of."""

STORE_TABLES = _words("dataset_head dataset_hold dataset_record dataset_version related_count syndb_schema")
STORE_COLUMNS = _words("dataset_id version bucket cid source_id owner_id")

SQL_WORDS = _words("""
    add all allow alter and apply as asc authorize autoincrement batch begin between by case cast check collate columnfamily
    commit constraint create default deferrable delete desc describe distinct drop else entries escape except execute
    exists foreign from full grant group having if in index infinity insert intersect into is isnull join keyspace limit
    materialized mbean mbeans modify nan norecursive not nothing notnull null of on or order primary raise references
    rename replace returning revoke schema select set table then to token transaction truncate union unique unlogged
    unset update use using values view when where with
""")
"""Words of CQL and SQLite that are no names there."""
