"""Every setting, once: name, default, bounds, what it is for. Read from SYNDB_* variables; an unknown SYNDB_* is an error.

`pydantic-settings` ignores unknown variables, so the names are compared here.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from syndb_graphql.errors import SettingsError
from syndb_graphql.spec.naming import nearest

PREFIX = "SYNDB_"
SECRETS = ("secret_keys", "cassandra_password", "s3_secret_key")
"""Whose values are never shown."""
KNOWN_SECRETS = ("demo-only-", "minioadmin", "changeme", "password", "secret", "cassandra", "scylla")
"""What secrets that everyone knows begin with: those of docker-compose.yml, and what servers come with."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Path = Field(Path("syndb-data"), description="Folder of the embedded store: database, files, secret keys.")
    owner: str = Field("local", min_length=1, max_length=100, description="Owner of what `load` loads.")
    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the server listens on; 0 picks a free one.")
    public_url: str = Field(
        "", description="Address clients reach the server by, for links; empty: the one they asked."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("*",), description="Origins whose pages may query, separated by commas; never with credentials."
    )
    secret_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Secrets of at least 32 characters, separated by commas: the first signs cursors and links, all verify. "
        "Empty: one is made and kept in the data folder.",
    )
    link_lifetime_s: int = Field(3600, ge=1, le=604_800, description="Seconds a link to a file is valid.")
    version_retention_h: float = Field(
        24, ge=0, le=8760, description="Hours a replaced version stays readable for those who began on it."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest body of a request.")
    max_document_bytes: int = Field(32_768, ge=1024, description="Largest GraphQL document.")
    max_tokens: int = Field(2000, ge=10, description="Most tokens of a document.")
    max_depth: int = Field(12, ge=1, description="Deepest nesting of fields.")
    max_introspection_depth: int = Field(20, ge=15, description="Deepest nesting below __schema and __type.")
    max_aliases: int = Field(30, ge=0, description="Most aliases, counted again for each spread of a fragment.")
    max_root_fields: int = Field(20, ge=1, description="Most fields of the operation itself.")
    max_directives: int = Field(50, ge=0, description="Most directives, counted again for each spread of a fragment.")
    max_variable_values: int = Field(10_000, ge=1, description="Most keys and list items of all variables together.")
    cost_limit: int = Field(1000, ge=1, description="Most points a query may cost; a point is 100 rows asked for.")
    max_values: int = Field(
        2_000_000, ge=1000, description="Most values a query may ask for: fields of all objects, lists counted long."
    )
    max_page_size: int = Field(10_000, ge=1, le=100_000, description="Most rows of one page of a connection.")
    max_dataset_page_size: int = Field(100, ge=1, le=1000, description="Most data sets of one page.")
    default_page_size: int = Field(100, ge=1, description="Rows of a page where neither first nor last is given.")
    nested_page_size: int = Field(10, ge=1, description="The same for a connection inside another one.")
    max_errors: int = Field(20, ge=1, description="Most errors in one answer.")
    request_timeout_s: float = Field(10, gt=0, le=600, description="Seconds a request may take.")
    store_timeout_s: float = Field(5, gt=0, le=600, description="Seconds one call of the store of rows may take.")
    store: str = Field(
        "sqlite",
        pattern="^(sqlite|cassandra)$",
        description="Where rows are kept: sqlite (in the data folder) or cassandra.",
    )
    cassandra_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1",), description="Nodes to begin with, separated by commas; they tell of the others."
    )
    cassandra_port: int = Field(9042, ge=1, le=65535, description="Port the nodes speak CQL on.")
    cassandra_keyspace: str = Field("syndb", pattern="^[a-z][a-z0-9_]{0,47}$", description="Keyspace of the rows.")
    cassandra_datacenter: str = Field(
        "datacenter1", pattern="^[A-Za-z0-9_.-]{1,100}$", description="Data centre that is near; others are not asked."
    )
    cassandra_replication: int = Field(
        3, ge=1, le=9, description="Nodes each row is kept on; `db init` makes the keyspace so, `db check` compares."
    )
    cassandra_username: str = Field("", description="User at the nodes; empty: they ask for none.")
    cassandra_password: str = Field("", repr=False, description="Password of that user.")
    cassandra_tls: bool = Field(default=False, description="Speak TLS with the nodes; their certificates are checked.")
    cassandra_ca_file: str = Field("", description="Certificates that theirs are checked by; empty: the system's.")
    cassandra_certificate_file: str = Field("", description="Certificate of our own, where the nodes ask for one.")
    cassandra_key_file: str = Field("", description="The key of that certificate.")
    cassandra_consistency: str = Field(
        "LOCAL_QUORUM",
        pattern="^(LOCAL_QUORUM|QUORUM|EACH_QUORUM|ALL|LOCAL_ONE|ONE)$",
        description="Replicas that must answer: with fewer than a quorum a row that was written may not be found.",
    )
    cassandra_max_in_flight: int = Field(128, ge=1, le=2048, description="Statements asked of the nodes at a time.")
    cassandra_load_in_flight: int = Field(
        4,
        ge=1,
        le=128,
        description="Batches a load has on their way: more load faster, and slow down readers; 16 where nobody reads.",
    )
    cassandra_bucket_rows: int = Field(
        50_000, ge=1, le=800_000, description="Rows of a partition that loads aim at; fewer where rows are very wide."
    )
    files: str = Field(
        "folder", pattern="^(folder|s3)$", description="Where files are kept: folder (in the data folder) or s3."
    )
    s3_endpoint: str = Field("http://127.0.0.1:9000", description="Address this server reaches the S3 store by.")
    s3_public_endpoint: str = Field(
        "", description="Address clients reach the S3 store by, for links; empty: the same one."
    )
    s3_access_key: str = Field("", description="Access key of the S3 store.")
    s3_secret_key: str = Field("", repr=False, description="Secret key of the S3 store.")
    s3_region: str = Field(
        "us-east-1", pattern="^[A-Za-z0-9-]{1,64}$", description="Region of the bucket, which signatures contain."
    )
    s3_bucket: str = Field(
        "syndb",
        pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Bucket of the files; made where it is missing.",
    )
    s3_prefix: str = Field(
        "",
        pattern="^(?:[A-Za-z0-9_=-]{1,100}/){0,5}$",
        description="What the files' keys begin with in the bucket; ends with a slash.",
    )
    s3_ca_file: str = Field(
        "", description="Certificates that the S3 store's is checked by, with https; empty: the system's."
    )
    s3_timeout_s: float = Field(5, gt=0, le=600, description="Seconds one call of the S3 store may take.")
    s3_connections: int = Field(16, ge=1, le=256, description="Calls of the S3 store at a time; more wait their turn.")
    start_timeout_s: float = Field(
        60, ge=0, le=3600, description="Seconds the server waits at its start for Cassandra and S3 to answer."
    )
    demo: bool = Field(
        default=False, description="Accept secrets that everyone knows, such as those in docker-compose.yml."
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error.")

    @field_validator("cors_origins", "secret_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cassandra_hosts", mode="before")
    @classmethod
    def _some_host(cls, value: object) -> object:
        hosts = cls._split(value)
        if not hosts:
            raise ValueError("at least one host is needed")
        return hosts

    @field_validator("secret_keys")
    @classmethod
    def _long_enough(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(key) < 32 for key in keys):
            raise ValueError("each key needs at least 32 characters, such as those of `openssl rand -hex 32`")
        return keys


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; `overrides` (from the command line) win. Raises SettingsError with the variable's name."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsError(f"{name} is no setting.{nearest(name.upper(), known)} All are listed in the README.")
    try:
        settings = Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        # A message goes to logs and screens, where a secret has no business.
        found = "" if name in SECRETS else f" (it is {str(first['input'])!r})"
        raise SettingsError(f"{PREFIX}{name.upper()}: {first['msg'].removeprefix('Value error, ')}{found}.") from None
    _refuse_known_secrets(settings)
    return settings


def _refuse_known_secrets(settings: Settings) -> None:
    """So that nobody serves the world with a secret that stands in a repository."""
    for name in SECRETS:
        value = getattr(settings, name)
        for secret in (value,) if isinstance(value, str) else value:
            if not settings.demo and secret.lower().startswith(KNOWN_SECRETS):
                raise SettingsError(
                    f"{PREFIX}{name.upper()}: this secret is one that everyone knows. Set your own, such as what "
                    f"`openssl rand -hex 32` prints; to try things out on your own machine, set {PREFIX}DEMO=true."
                )
