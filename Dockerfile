# Two stages: the first builds the wheel, the second holds nothing but Python, the locked packages and the wheel.
FROM python:3.11-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir build hatchling
COPY . .
RUN python -m build --wheel --no-isolation --outdir /dist .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 handoff
COPY requirements/run.lock /tmp/run.lock
COPY --from=build /dist/*.whl /tmp/
RUN pip install --no-cache-dir -r /tmp/run.lock && pip install --no-cache-dir --no-deps /tmp/*.whl && rm /tmp/*.whl /tmp/run.lock
USER handoff
# The configuration, the mappings, the state and the lake live here: mount a volume.
WORKDIR /handoff
VOLUME /handoff
STOPSIGNAL SIGTERM
# The state answers, and says when the last cycle was.
HEALTHCHECK --interval=1m --timeout=20s --start-period=1m CMD ["handoff", "status", "--json"]
ENTRYPOINT ["handoff"]
CMD ["run"]
