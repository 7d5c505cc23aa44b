# Two stages. The first builds the wheel and the environment it runs in; the second holds Python, that environment, and
# nothing to build with.
FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/build && /opt/build/bin/pip install build hatchling && python -m venv --without-pip /opt/handoff
WORKDIR /src
# The locked packages change seldom: their layer is kept while the program changes.
COPY requirements/run.lock requirements/run.lock
RUN /opt/build/bin/pip --python /opt/handoff/bin/python install --only-binary :all: -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY connector connector
COPY adapters adapters
COPY state state
COPY sandbox sandbox
COPY mappings mappings
RUN /opt/build/bin/python -m build --wheel --no-isolation --outdir /dist . \
    && /opt/build/bin/pip --python /opt/handoff/bin/python install --no-deps /dist/*.whl

FROM python:3.11.13-slim-bookworm
ENV PATH=/opt/handoff/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONFAULTHANDLER=1 \
    NO_COLOR=1
# The folder of what changes belongs to our user; a volume that is empty takes over both folder and owner.
RUN useradd --no-log-init --create-home --uid 10001 handoff \
    && install --directory --owner=handoff --group=handoff /handoff /handoff/var
COPY --from=build /opt/handoff /opt/handoff
USER 10001:10001
# handoff.yaml and the mappings are mounted here; state and lake stand in var.
WORKDIR /handoff
VOLUME /handoff/var
EXPOSE 8880
STOPSIGNAL SIGTERM
# A first load may take long; it is alive while it moves.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "connector.daemon.probe"]
# No shell between the signal and the program.
ENTRYPOINT ["handoff"]
CMD ["run"]
