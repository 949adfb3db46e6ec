# For a profile whose jobs all need the same tools: installed once here, not by each job. What setup actions look for lies
# in the tool cache, which a job reads instead of downloading.
#   docker build --build-arg RUNNER_IMAGE=REGISTRY/slipway-runner:full@sha256:DIGEST -f toolchain.Dockerfile .
ARG RUNNER_IMAGE=slipway-runner:full
FROM ${RUNNER_IMAGE}
USER 0
ENV RUNNER_TOOL_CACHE=/opt/hostedtoolcache AGENT_TOOLSDIRECTORY=/opt/hostedtoolcache
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends cmake ninja-build \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o runner -g runner /opt/hostedtoolcache
USER 1001
