"""Where things lie: the repository, and one folder for everything that is made or installed (BENCH_DIR moves it)."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SERVERS = Path(__file__).parent / "servers"
CACHE = Path(os.environ.get("BENCH_DIR") or Path.home() / ".cache/syndb-graphql/bench")
LIBRARIES = CACHE / "python"
"""What only the hand-written limit needs, beside the project's own environment."""
PEERS = CACHE / "peers"
LOGS = CACHE / "logs"
