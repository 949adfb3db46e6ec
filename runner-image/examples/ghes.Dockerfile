# For a GitHub Enterprise Server whose certificate a private authority signed: its certificates, for git, curl, the
# listener and the actions. Build with a folder that holds them as NAME.crt in PEM:
#   docker build --build-arg RUNNER_IMAGE=REGISTRY/slipway-runner:slim@sha256:DIGEST -f ghes.Dockerfile .
ARG RUNNER_IMAGE=slipway-runner:slim
FROM ${RUNNER_IMAGE}
USER 0
COPY *.crt /usr/local/share/ca-certificates/slipway/
RUN bash /opt/slipway/trust-certificates.sh
USER 1001
