"""The servers ours is compared with, as far as they are code: each reads the rows in the SQLite file ROWS_DB."""
