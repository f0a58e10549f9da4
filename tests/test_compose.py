"""docker-compose.yml and the Dockerfile, as far as they can be held to the program without an engine for containers."""

import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from syndb_graphql.cli import COMMANDS
from syndb_graphql.cli.demo import DATA
from syndb_graphql.errors import SettingsError
from syndb_graphql.settings import PREFIX, SECRETS, Settings, load_settings

REPOSITORY = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
SERVERS = ("server", "server-scylla")
OURS = (*SERVERS, "init", "init-scylla")
IMAGES = {
    "cassandra": "cassandra:5.0",
    "scylladb": "scylladb/scylla:2026.2",
    "minio": "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z",
}
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
VARIABLES = set(VARIABLE.findall((REPOSITORY / "docker-compose.yml").read_text("utf-8")))


def environment_of(service: str, **given: str) -> dict[str, str]:
    """What a container of the service sees, where whoever starts it has set `given`."""
    return {
        name: VARIABLE.sub(lambda found: given.get(found[1]) or found[2] or "", value)
        for name, value in SERVICES[service]["environment"].items()
    }


@pytest.fixture
def settings_in(monkeypatch):
    def read(service: str, **given: str) -> Settings:
        for name, value in environment_of(service, **given).items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return read


# ── docker-compose.yml ──
def test_the_images_are_those_that_the_docs_name():
    assert {name: SERVICES[name]["image"] for name in SERVICES if name not in OURS} == IMAGES
    assert {SERVICES[name]["image"] for name in OURS} == {"syndb-graphql"}
    page = (REPOSITORY / "docs" / "production.md").read_text("utf-8")
    assert [image for image in IMAGES.values() if f"`{image}`" not in page] == []


def test_scylla_is_started_only_when_it_is_asked_for():
    assert {name for name in SERVICES if SERVICES[name].get("profiles") == ["scylla"]} == {
        "scylladb",
        "init-scylla",
        "server-scylla",
    }
    assert all("profiles" not in SERVICES[name] for name in ("server", "init", "cassandra", "minio"))


def test_each_server_comes_after_what_it_needs_and_that_after_its_health_check():
    for suffix, rows in (("", "cassandra"), ("-scylla", "scylladb")):
        needs = SERVICES[f"server{suffix}"]["depends_on"]
        assert needs[f"init{suffix}"] == {"condition": "service_completed_successfully"}
        assert needs["minio"] == {"condition": "service_healthy"}
        assert SERVICES[f"init{suffix}"]["depends_on"] == {rows: {"condition": "service_healthy"}}
        assert SERVICES[f"init{suffix}"]["command"] == ["db", "init"]


def test_rows_are_healthy_when_they_answer_a_query():
    for name in ("cassandra", "scylladb"):
        assert SERVICES[name]["healthcheck"]["test"][:3] == ["CMD", "cqlsh", "-e"]
        assert SERVICES[name]["healthcheck"]["test"][3].startswith("SELECT ")
    assert SERVICES["minio"]["healthcheck"]["test"][-1].endswith(":9000/minio/health/live")


def test_every_store_keeps_its_data_in_a_volume_and_every_service_has_its_limits():
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])
    for name, service in SERVICES.items():
        assert re.fullmatch(r"\d+g", service["mem_limit"]), name
        assert service["cpus"] >= 1, name


def test_ports_are_the_program_s_and_open_on_this_machine_alone():
    default = Settings.model_fields["port"].default
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            host, _, inside = port.split(":")
            assert host == "127.0.0.1"
            assert int(inside) == (default if name in SERVERS else 9000)
    assert {name for name in SERVICES if "ports" in SERVICES[name]} == {*SERVERS, "minio"}
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == len(set(ports))


@pytest.mark.parametrize("name", OURS)
def test_the_environment_is_made_of_settings_that_lead_to_the_other_services(name, settings_in):
    variables = {PREFIX + setting.upper() for setting in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= variables
    assert {variable for variable, _ in VARIABLES} <= variables
    settings = settings_in(name, SYNDB_DEMO="true")
    assert (settings.store, settings.files) == ("cassandra", "s3")
    (rows,) = settings.cassandra_hosts
    assert SERVICES[rows]["expose"] == [str(settings.cassandra_port)]
    assert urlsplit(settings.s3_endpoint).hostname == "minio"
    assert SERVICES["minio"]["ports"] == [f"{urlsplit(settings.s3_public_endpoint).netloc}:9000"]
    assert settings.cassandra_replication == 1
    minio = environment_of("minio")
    assert (minio["MINIO_ROOT_USER"], minio["MINIO_ROOT_PASSWORD"]) == (settings.s3_access_key, settings.s3_secret_key)
    assert len(settings.s3_secret_key) >= 8  # or MinIO does not start


@pytest.mark.parametrize("name", OURS)
def test_the_secrets_that_stand_in_the_file_are_for_a_demo_alone(name, settings_in):
    with pytest.raises(SettingsError, match="is one that everyone knows"):
        settings_in(name)
    own = {"SYNDB_SECRET_KEYS": "f3" * 32, "SYNDB_S3_SECRET_KEY": "9c" * 32}
    for left_out in own:
        with pytest.raises(SettingsError, match=f"^{left_out}: this secret is one that everyone knows"):
            settings_in(name, **{key: value for key, value in own.items() if key != left_out})
    settings = settings_in(name, **own)
    assert not settings.demo
    defaults = {variable: default for variable, default in VARIABLES if default}
    assert all(defaults[variable].startswith("demo-only-") for variable in own)
    assert {PREFIX + secret.upper() for secret in SECRETS} & set(environment_of(name)) == set(own)


# ── Dockerfile ──
LINES = re.sub(r"\\\n\s*", "", (REPOSITORY / "Dockerfile").read_text("utf-8")).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line and not line.startswith("#")]
LAST_STAGE = [step for at, step in enumerate(STEPS) if "FROM" not in [name for name, _ in STEPS[at + 1 :]]]
COPIED = [shlex.split(words) for name, words in STEPS if name == "COPY" and "--from" not in words]


def test_the_image_is_of_the_python_that_the_locks_are_made_with():
    lock = (REPOSITORY / "requirements.lock").read_text("utf-8")
    version = re.search(r"by pip-compile with Python (\S+)", lock)
    assert version
    images = {words.split()[0] for name, words in STEPS if name == "FROM"}
    assert images == {f"python:{version[1]}-slim-bookworm"}


def test_packages_are_installed_by_their_hashes_and_only_in_the_first_stage():
    installs = [part for _, words in STEPS for part in words.split("&&") if "pip install" in part]
    assert len(installs) == 4
    for install in installs:
        locked = re.search(r"--require-hashes --requirement (\S+)", install)
        assert (REPOSITORY / locked[1]).is_file() if locked else "--no-index" in install
    assert not any("pip" in words for name, words in LAST_STAGE if name == "RUN")


def test_the_container_runs_as_nobody_in_particular_and_as_the_program_has_it():
    last = dict(LAST_STAGE)
    user = last["USER"].partition(":")[0]
    assert int(user) >= 10_000
    assert f"--owner={user} " in last["RUN"]
    assert last["RUN"].endswith(f" {last['VOLUME']}")
    assert int(last["EXPOSE"]) == Settings.model_fields["port"].default
    assert last["ENTRYPOINT"] == '["syndb-graphql"]'
    (command,) = yaml.safe_load(last["CMD"])
    assert command in {each.name for each in COMMANDS}
    environment = dict(word.split("=", 1) for word in shlex.split(last["ENV"]))
    settings = Settings(**{name[len(PREFIX) :].lower(): environment[name] for name in environment if PREFIX in name})
    assert (settings.host, str(settings.data)) == ("0.0.0.0", last["VOLUME"])
    assert {volume.partition(":")[2] for name in OURS for volume in SERVICES[name]["volumes"]} == {last["VOLUME"]}


async def test_the_health_checks_ask_what_the_server_answers(client):
    words = dict(LAST_STAGE)["HEALTHCHECK"].partition("CMD ")[2]
    probes = [yaml.safe_load(words), *(SERVICES[name]["healthcheck"]["test"][1:] for name in SERVERS)]
    for command, flag, program in probes:
        assert (command, flag) == ("python", "-c")
        compile(program, "the health check", "exec")
        url = urlsplit(re.search(r"http://[^']+", program)[0])
        assert url.port == Settings.model_fields["port"].default
        assert (await client.http.get(url.path)).json()["status"] == "ready"


def is_ignored(name: str) -> bool:
    """Whether .dockerignore keeps a file out, by the last of its lines that fits."""
    kept_out = False
    for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = Path(name).parts
        heads = ["/".join(parts[: at + 1]) for at in range(len(parts))]
        if not line.startswith("#") and any(fnmatch.fnmatch(head, pattern) for head in [*heads, *parts]):
            kept_out = not line.startswith("!")
    return kept_out


@pytest.fixture(scope="module")
def build_folder(tmp_path_factory) -> Path:
    """What the first stage has copied, and nothing else."""
    folder = tmp_path_factory.mktemp("image")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout, so nobody knows which files belong to it")
    names = [name for name in tracked.stdout.split("\0") if name and not is_ignored(name)]
    for *sources, target in COPIED:
        for source in sources:
            found = [name for name in names if name == source or name.startswith(f"{source}/")]
            assert found, f"COPY {source}: there is no such file, or .dockerignore keeps it out"
            for name in found:
                to = (
                    folder / target / Path(name).relative_to(source)
                    if (REPOSITORY / source).is_dir()
                    else folder / name
                )
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(REPOSITORY / name, to)
    return folder


def test_nothing_that_is_built_or_secret_gets_into_the_image():
    for name in (".git/config", ".venv/bin/python", "web/node_modules/x/y.js", "syndb_graphql/web/index.html"):
        assert is_ignored(name)
    for name in ("syndb-data/secret-keys", "tests/conftest.py", "syndb_graphql/api/__pycache__/http.pyc", ".env"):
        assert is_ignored(name)


def test_the_wheel_is_built_from_what_is_copied_alone(build_folder, monkeypatch):
    (command,) = [words for name, words in STEPS if "build --no-isolation" in words]
    build, install = command.split(" && ")
    assert install == "/opt/syndb/bin/pip install --no-deps --no-index dist/*.whl"
    words = shlex.split(build.replace("/opt/tools/bin/python", sys.executable))
    monkeypatch.setenv("HATCH_BUILD_NO_WEB", "1")  # a test of its own builds the page
    built = subprocess.run(words, cwd=build_folder, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = (build_folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for needed in ("syndb_graphql/app.py", "syndb_graphql/schema/columns.toml", "syndb_graphql/demo/data/README.md"):
        assert needed in names


# ── What the containers would do ──
@pytest.mark.servers
def test_the_commands_of_the_containers_work_in_their_environment(
    cassandra_node, s3_server, start_server, tmp_path, monkeypatch
):
    """With the addresses of other servers: the keyspace is made, a folder is loaded, and the graph answers with its files."""
    environment = environment_of("server", SYNDB_DEMO="true") | {
        "SYNDB_CASSANDRA_HOSTS": cassandra_node.host,
        "SYNDB_CASSANDRA_PORT": str(cassandra_node.port),
        "SYNDB_CASSANDRA_KEYSPACE": "composed",
        "SYNDB_S3_ENDPOINT": s3_server.endpoint,
        "SYNDB_S3_PUBLIC_ENDPOINT": s3_server.endpoint,
        "SYNDB_S3_ACCESS_KEY": s3_server.access_key,
        "SYNDB_S3_SECRET_KEY": s3_server.secret_key,
        "SYNDB_S3_BUCKET": "composed",
        "SYNDB_DATA": str(tmp_path / "data"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    folder = next(path.parent for path in DATA.glob("*/dataset.toml") if "Scnn1a" in path.read_text("utf-8"))
    for command in (SERVICES["init"]["command"], SERVICES["init"]["command"], ["load", str(folder)]):
        done = subprocess.run(
            [sys.executable, "-m", "syndb_graphql", *command], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with start_server(load_settings(), tmp_path / "log") as server:
        query = "{ datasets { nodes { label neurons { nodes { mesh { url sha256 } skeleton { url } } } } } }"
        answer = httpx.post(server.url + "/graphql", json={"query": query}, timeout=30).json()
        assert "errors" not in answer
        (neuron,) = answer["data"]["datasets"]["nodes"][0]["neurons"]["nodes"]
        link = (neuron["mesh"] or neuron["skeleton"])["url"]
        assert link.startswith(f"{s3_server.endpoint}/composed/")
        assert httpx.get(link).status_code == 200
    assert not (tmp_path / "data").exists()  # nothing is kept in the container itself
