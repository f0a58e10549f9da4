"""`DatasetFilter` and the filters it is made of. Null means absent, so that a generated client may send every key."""

from syndb_graphql.api.build import Argument, Forward, Type, list_of, make_input
from syndb_graphql.api.scalars import UUID, DateTime


def add_dataset_filters(types: dict[str, Type]) -> None:
    _add_comparisons(types)
    _add_table_filters(types)
    _add_term_filters(types)
    itself = Forward("DatasetFilter", types)
    types["DatasetFilter"] = make_input(
        "DatasetFilter",
        {
            "and": Argument(list_of(itself) | None, "All of these hold."),
            "or": Argument(list_of(itself) | None, "One of these holds."),
            "not": Argument(itself | None, "This does not hold."),
            "search": Argument(
                str | None,
                "Its label, notes, names with their synonyms, genes and DOIs have all of these words, in any case and with or "
                "without accents. The last word may be a beginning, unless a space follows it.",
            ),
            "uuid": Argument(types["UUIDFilter"] | None, "Its uuid."),
            "label": Argument(types["TextFilter"] | None, "Its label."),
            "notes": Argument(types["TextFilter"] | None, "Its notes."),
            "animal": Argument(types["TermFilter"] | None, "Its species, by name, class or taxon."),
            "brainRegions": Argument(types["BrainRegionFilter"] | None, "One of its brain regions."),
            "mutations": Argument(types["GeneMutationFilter"] | None, "One of its mutations."),
            "wildType": Argument(bool | None, "Wild type, or known not to be."),
            "microscopy": Argument(types["TermFilter"] | None, "How it was imaged."),
            "doi": Argument(list[str] | None, "Published under one of these DOIs, in any spelling."),
            "license": Argument(list[str] | None, "Under one of these licences, by SPDX identifier or name."),
            "tables": Argument(types["TablesFilter"] | None, "The tables it has."),
            "rowCount": Argument(types["RowCountFilter"] | None, "How many rows it has."),
            "publishedAt": Argument(types["DateTimeFilter"] | None, "When it was published."),
        },
        "Which data sets. All that are given must hold; an empty filter keeps every one.",
    )


def _add_comparisons(types: dict[str, Type]) -> None:
    types["TextFilter"] = make_input(
        "TextFilter",
        {
            "eq": Argument(str | None, "Exactly this."),
            "ne": Argument(str | None, "Anything but this."),
            "in": Argument(list[str] | None, "One of these."),
            "startsWith": Argument(str | None, "Begins with this."),
            "contains": Argument(str | None, "Contains this."),
            "isNull": Argument(bool | None, "Missing, or not."),
        },
        "A comparison of text, exact to the byte. All that are given must hold.",
    )
    types["UUIDFilter"] = make_input(
        "UUIDFilter",
        {
            "eq": Argument(UUID | None, "Exactly this."),
            "ne": Argument(UUID | None, "Anything but this."),
            "in": Argument(list[UUID] | None, "One of these."),
            "isNull": Argument(bool | None, "Missing, or not."),
        },
        "A comparison of UUIDs.",
    )
    bounds = {"lt": "Below this.", "lte": "This at most.", "gt": "Above this.", "gte": "This at least."}
    types["IntFilter"] = make_input(
        "IntFilter",
        {
            "eq": Argument(int | None, "Exactly this."),
            "ne": Argument(int | None, "Anything but this."),
            "in": Argument(list[int] | None, "One of these."),
            **{name: Argument(int | None, words) for name, words in bounds.items()},
            "isNull": Argument(bool | None, "Missing, or not."),
        },
        "A comparison of whole numbers.",
    )
    types["DateTimeFilter"] = make_input(
        "DateTimeFilter",
        {
            **{name: Argument(DateTime | None, words) for name, words in bounds.items()},
            "isNull": Argument(bool | None, "Missing, or not."),
        },
        "A comparison of moments.",
    )


def _add_term_filters(types: dict[str, Type]) -> None:
    types["TermFilter"] = make_input(
        "TermFilter",
        {
            "in": Argument(
                list[str],
                "One of these, each by name, synonym or CURIE, in any case. An unknown one is an error that names the nearest.",
            ),
            "includeParts": Argument(bool, "Its parts and kinds, at any depth, count as the term.", True),
        },
        "A term of a vocabulary; see `vocabulary`.",
    )
    types["BrainRegionFilter"] = make_input(
        "BrainRegionFilter",
        {
            "structure": Argument(types["TermFilter"] | None, "The structure."),
            "direction": Argument(types["TermFilter"] | None, "Which side of it."),
        },
        "A brain region: what is given must hold of one and the same.",
    )
    types["GeneMutationFilter"] = make_input(
        "GeneMutationFilter",
        {
            "gene": Argument(types["TextFilter"] | None, "Symbol of the gene."),
            "expression": Argument(types["TermFilter"] | None, "What was done to it."),
        },
        "A mutation: what is given must hold of one and the same.",
    )


def _add_table_filters(types: dict[str, Type]) -> None:
    table_names = list_of(types["TableName"]) | None
    types["TablesFilter"] = make_input(
        "TablesFilter",
        {
            "hasAll": Argument(table_names, "It has rows in each of these."),
            "hasAny": Argument(table_names, "It has rows in one of these."),
        },
        "Which tables a data set has rows in.",
    )
    types["RowCountFilter"] = make_input(
        "RowCountFilter",
        {
            "table": Argument(types["TableName"], "The table."),
            "count": Argument(types["IntFilter"], "How many rows it has."),
        },
        "How many rows a data set has in a table.",
    )
