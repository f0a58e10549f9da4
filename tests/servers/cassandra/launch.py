"""Starts one to three nodes, each in a folder of its own, and lets tests pause, kill and restart them.

The profile "test" starts fast (serial collector, C1 only) and must not be measured: "bench" is for that, and keeps rows as
Cassandra 5 recommends. Writes that a node has acknowledged outlive its SIGKILL once they are a second old (the period of
its commit log); a lone test node does not sync its system tables either, which makes new tables cheap: `durable` switches
that on.
"""

import contextlib
import json
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy

from tests.servers.certificates import Authority, KeyStores
from tests.servers.processes import KillableServer, ServerProcess, await_answer, free_ports

from .jars import HERE, find_jars, find_java

START_SECONDS = 180
"""Eight seconds alone on two idle cores."""
RING_SECONDS = 60
TOKENS = ("-9223372036854775808", "-3074457345618258603", "3074457345618258602")
"""A third of the ring each, fixed, so that nobody waits for a joining node."""
OPTIONS, SUPPORTED = 5, 6
PROTOCOL = 4

# What Cassandra's own jvm17-server.options asks for, and what its classes reach into besides when run without its scripts.
EXPORTS = """
java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/jdk.internal.util java.base/sun.nio.ch
java.base/java.lang.ref java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry
java.rmi/sun.rmi.server java.sql/java.sql jdk.unsupported/sun.misc jdk.attach/sun.tools.attach
jdk.compiler/com.sun.tools.javac.file
"""
OPENS = """
java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.lang.reflect java.base/java.math
java.base/java.net java.base/java.nio java.base/java.util java.base/java.util.concurrent
java.base/java.util.concurrent.atomic java.base/jdk.internal.loader java.base/jdk.internal.math
java.base/jdk.internal.module java.base/jdk.internal.ref java.base/jdk.internal.reflect
java.base/jdk.internal.util.jar java.base/sun.nio.ch jdk.management/com.sun.management.internal
jdk.compiler/com.sun.tools.javac
"""
MODULES = [word for name in EXPORTS.split() for word in ("--add-exports", f"{name}=ALL-UNNAMED")] + [
    word for name in OPENS.split() for word in ("--add-opens", f"{name}=ALL-UNNAMED")
]


@dataclass(frozen=True)
class Profile:
    heap: str
    memtable: str
    allocation: str
    """Slabs are faster and take a mebibyte for each table that is written to: tests make tables by the hundred."""
    sync_period: str
    flags: tuple[str, ...]
    more: Mapping[str, object] = field(default_factory=dict)
    """Settings of the node beside those of the template."""


LATEST = {
    "memtable": {"configurations": {"trie": {"class_name": "TrieMemtable"}, "default": {"inherits": "trie"}}},
    "sstable": {"selected_format": "bti"},
}
"""How Cassandra 5's own `cassandra_latest.yaml`, which it recommends for new clusters, keeps rows in memory and in files."""

PROFILES = {
    "test": Profile("1g", "128MiB", "unslabbed_heap_buffers", "1s", ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")),
    "bench": Profile(
        "2g",
        "512MiB",
        "offheap_objects",
        "10s",
        ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=300", "-XX:+ParallelRefProcEnabled"),
        LATEST,
    ),
}


@dataclass
class CassandraNode(KillableServer):
    """One node; `host` and `port` are where it speaks CQL."""

    host: str
    port: int
    datacenter: str
    folder: Path
    jmx_port: int
    command: list[str]
    tls: ssl.SSLContext | None = None

    def start(self) -> None:
        if not self.alive:
            self.process = ServerProcess(self.command, self.folder, self.folder / "out.log", {"MALLOC_ARENA_MAX": "2"})
        assert self.process
        try:
            await_answer(self.answers, self.process, START_SECONDS, f"Cassandra at {self.host}:{self.port}")
        except AssertionError as error:
            system = self.folder / "logs" / "system.log"
            said = system.read_text("utf-8", "replace")[-4000:] if system.exists() else ""
            raise AssertionError(f"{error}\n{said}") from None

    def answers(self) -> bool:
        """Whether it answers CQL's OPTIONS, which is true only when queries are answered as well."""
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((self.host, self.port), 2))
            if self.tls:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_hostname=self.host))
            connection.sendall(struct.pack(">BBhBI", PROTOCOL, 0, 0, OPTIONS, 0))
            head = b""
            while len(head) < 9:
                part = connection.recv(9 - len(head))
                if not part:
                    return False
                head += part
        return head[4] == SUPPORTED

    def nodetool(self, *arguments: str) -> str:
        """What `nodetool` prints, such as that of `nodetool("tablestats", "keyspace")`; a JVM of two seconds."""
        command = [find_java(), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *MODULES]
        command += [
            f"-Dlogback.configurationFile=file://{HERE / 'logback-tools.xml'}",
            f"-Dcassandra.config=file://{self.folder / 'cassandra.yaml'}",
            f"-Dcassandra.storagedir={self.folder}",
        ]
        command += ["-cp", f"{find_jars()}/*", "org.apache.cassandra.tools.NodeTool"]
        command += ["-h", "127.0.0.1", "-p", str(self.jmx_port), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd=self.folder).stdout


@dataclass(frozen=True)
class CassandraCluster:
    nodes: tuple[CassandraNode, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(node.host for node in self.nodes)

    @property
    def port(self) -> int:
        return self.nodes[0].port

    @property
    def datacenter(self) -> str:
        return self.nodes[0].datacenter

    def await_ring(self) -> None:
        """Until each node knows all others: before that, what is made by one is not told to those it does not know."""
        deadline = time.monotonic() + RING_SECONDS
        for node in self.nodes:
            alone = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy([node.host]))
            with Cluster([node.host], port=node.port, execution_profiles={EXEC_PROFILE_DEFAULT: alone}) as cluster:
                session = cluster.connect()
                while len(session.execute("SELECT peer FROM system.peers").all()) < len(self.nodes) - 1:
                    assert time.monotonic() < deadline, f"{node.host} does not know all others"
                    time.sleep(0.1)

    def heal(self) -> None:
        """All nodes up and awake, whatever a test did to them."""
        for node in self.nodes:
            node.heal()


@contextlib.contextmanager
def run_cassandra(
    count: int = 1, profile: str = "test", *, durable: bool | None = None, authority: Authority | None = None
) -> Iterator[CassandraCluster]:
    """`count` nodes (1 to 3) that answer CQL, in a temporary folder that goes with them.

    With an `authority` they speak TLS alone, to clients with a certificate and a password, and keep to permissions.

    Raises MissingTool where there is no JDK 17, or no Maven and no jars yet.
    """
    assert 1 <= count <= len(TOKENS)
    find_java()
    find_jars()
    hosts = [f"127.0.0.{number}" for number in range(1, count + 1)]
    with tempfile.TemporaryDirectory(prefix="cassandra-", ignore_cleanup_errors=True) as folder:
        safe = durable if durable is not None else count > 1 or profile == "bench"
        cluster = _configure(Path(folder), hosts, PROFILES[profile], authority, durable=safe)
        try:
            for node in cluster.nodes:
                node.start()  # one after the other: two that join at once refuse each other
            if count > 1:
                cluster.await_ring()
            yield cluster
        finally:
            for node in reversed(cluster.nodes):
                node.kill()  # the data go with the folder


def _configure(
    folder: Path, hosts: list[str], profile: Profile, authority: Authority | None, *, durable: bool
) -> CassandraCluster:
    cql_port, storage_port, ssl_storage_port = free_ports(3, hosts)
    template = Template((HERE / "cassandra.yaml.template").read_text("utf-8"))
    nodes = []
    for host, token, jmx_port in zip(hosts, TOKENS, free_ports(len(hosts)), strict=False):
        home = folder / host
        for name in ("logs", "tmp", "triggers"):
            (home / name).mkdir(parents=True)
        words = {
            "cluster": folder.name,
            "folder": home,
            "address": host,
            "seed": hosts[0],
            "token": token,
            "cql_port": cql_port,
            "storage_port": storage_port,
            "ssl_storage_port": ssl_storage_port,
            "memtable": profile.memtable,
            "allocation": profile.allocation,
            # Tests kill two of three: what was acknowledged must then be on their disks.
            "commit_log": f"commitlog_sync: periodic\ncommitlog_sync_period: {profile.sync_period}"
            if len(hosts) == 1
            else "commitlog_sync: batch",
            "authenticator": "PasswordAuthenticator" if authority else "AllowAllAuthenticator",
            "authorizer": "CassandraAuthorizer" if authority else "AllowAllAuthorizer",
            "encryption": json.dumps(_encryption(authority.issue_stores(host)) if authority else {"enabled": False}),
            "more": "\n".join(f"{name}: {json.dumps(value)}" for name, value in profile.more.items()),
        }
        (home / "cassandra.yaml").write_text(template.substitute(words), "utf-8")
        command = _command(home, jmx_port, profile, durable=durable, gossip=len(hosts) > 1)
        tls = authority.make_context() if authority else None
        nodes.append(CassandraNode(host, cql_port, "datacenter1", home, jmx_port, command, tls))
    return CassandraCluster(tuple(nodes))


def _encryption(stores: KeyStores) -> dict[str, object]:
    return {
        "enabled": True,
        "optional": False,
        "keystore": str(stores.keystore),
        "keystore_password": stores.password,
        "require_client_auth": True,
        "truststore": str(stores.truststore),
        "truststore_password": stores.password,
        "store_type": "PKCS12",
    }


def _command(home: Path, jmx_port: int, profile: Profile, *, durable: bool, gossip: bool) -> list[str]:
    """JNA must be able to run what it puts into java.io.tmpdir, and without jamm's agent the JVM dies without a word."""
    jars = find_jars()
    (agent,) = jars.glob("jamm-*.jar")
    properties = {
        "jdk.attach.allowAttachSelf": "true",
        "java.net.preferIPv4Stack": "true",
        "java.io.tmpdir": home / "tmp",
        "java.rmi.server.hostname": "127.0.0.1",
        "io.netty.tryReflectionSetAccessible": "true",
        "io.netty.allocator.maxOrder": 11,
        "com.sun.management.jmxremote.authenticate": "false",
        "logback.configurationFile": f"file://{HERE / 'logback.xml'}",
        "cassandra.jmx.local.port": jmx_port,
        "cassandra.logdir": home / "logs",
        "cassandra.config": f"file://{home / 'cassandra.yaml'}",
        "cassandra.storagedir": home,
        "cassandra.triggers_dir": home / "triggers",
        "cassandra-foreground": "yes",
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "cassandra.ring_delay_ms": 5000 if gossip else 0,
        "cassandra.unsafesystem": "false" if durable else "true",
        "cassandra.superuser_setup_delay_ms": 0,
    }
    flags = [f"-Xms{profile.heap}", f"-Xmx{profile.heap}", "-Xss512k", "-XX:MaxDirectMemorySize=512m", *profile.flags]
    flags += ["-XX:+ExitOnOutOfMemoryError", "-XX:+PerfDisableSharedMem", *MODULES, f"-javaagent:{agent}"]
    defined = [f"-D{name}={value}" for name, value in properties.items()]
    return [find_java(), *flags, *defined, "-cp", f"{jars}/*", "org.apache.cassandra.service.CassandraDaemon"]
