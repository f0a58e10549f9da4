# The server and its commands; `docker run IMAGE load --help` runs another than `serve`. Two stages: what builds the wheel,
# the GraphiQL page and the dependencies stays in the first. All packages come from the lock files, by their hashes, which
# are made with this version of Python.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock requirements-dev.lock requirements-node.lock ./
RUN python -m venv /opt/syndb \
 && /opt/syndb/bin/pip install --require-hashes --requirement requirements.lock
RUN python -m venv /opt/tools \
 && /opt/tools/bin/pip install --require-hashes --requirement requirements-dev.lock \
 && /opt/tools/bin/pip install --require-hashes --requirement requirements-node.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY schema schema
COPY web web
COPY syndb_graphql syndb_graphql
RUN /opt/tools/bin/python -m build --no-isolation --wheel \
 && /opt/syndb/bin/pip install --no-deps --no-index dist/*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/syndb /opt/syndb
ENV PATH=/opt/syndb/bin:$PATH PYTHONUNBUFFERED=1 SYNDB_HOST=0.0.0.0 SYNDB_DATA=/data
RUN install --directory --owner=10001 --group=10001 --mode=0750 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=5)"]
ENTRYPOINT ["syndb-graphql"]
CMD ["serve"]
