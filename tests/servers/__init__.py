"""Real servers for the tests, without Docker: Cassandra from Maven Central, an S3 server from PyPI. See docs/development.md."""
