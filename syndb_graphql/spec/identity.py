"""How a row's cid follows from its data set, its table and the id its contributor gave it."""

from uuid import UUID, uuid5


def derive_cid(dataset_id: bytes, table: str, source_id: str) -> bytes:
    """uuid5 of the data set's id and `table/source_id`, as 16 bytes."""
    return uuid5(UUID(bytes=dataset_id), f"{table}/{source_id}").bytes
