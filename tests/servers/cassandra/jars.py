"""The JDK and the jars. Jars are fetched once and kept in ~/.cache/syndb-graphql/cassandra; nobody needs to put them there."""

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache" / "syndb-graphql" / "cassandra"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_SECONDS = 900
"""67 MB; twenty seconds on a good line."""


class MissingTool(Exception):
    """The machine lacks what the server is made of."""


@cache
def find_java() -> str:
    """The command of a JDK 17 (Cassandra 5.0 runs on 11 and 17; its flags here are those of 17)."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        raise MissingTool("a JDK 17 is missing (Debian: openjdk-17-jdk-headless)")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or found[1] != "17":
        raise MissingTool(f"{java} is version {found[1] if found else '?'}; set JAVA_HOME to a JDK 17")
    return java


@cache
def find_jars() -> Path:
    """The folder of jars, fetched where it is not there yet: whole, or not at all."""
    pom = (HERE / "pom.xml").read_text("utf-8")
    version = re.search(r"<cassandra.version>(.*?)</", pom)
    assert version
    folder = CACHE / version[1]
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingTool("Maven is missing (Debian: maven), which fetches the jars of Cassandra")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as draft:
        command = [maven, "-B", "-q", "-f", str(HERE / "pom.xml"), PLUGIN, "-DincludeScope=runtime"]
        fetched = subprocess.run(
            [*command, f"-DoutputDirectory={draft}/jars"], capture_output=True, text=True, timeout=FETCH_SECONDS
        )
        if fetched.returncode:
            raise MissingTool(f"Maven could not fetch the jars of Cassandra:\n{fetched.stdout[-2000:]}")
        for needed in ("cassandra-all", "jamm", "jna"):
            assert list(Path(draft, "jars").glob(f"{needed}-*.jar")), f"{needed} is not among the jars"
        try:
            Path(draft, "jars").rename(folder)
        except OSError:  # somebody else was faster
            assert folder.is_dir()
    return folder
