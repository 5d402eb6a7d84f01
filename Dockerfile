# Every role of squall is the same static binary in an image with nothing else in it:
#
#   docker build -t squall .                                 the proxy with its admin API
#   docker build --target hello -t hello-service .           lab 7's service
#   docker build --target flaky -t flaky-service .           lab 6's service
#
# The first one stands in for Toxiproxy's image: it takes toxiproxy-server's arguments (-host=0.0.0.0 -config=FILE), has
# /toxiproxy and /toxiproxy-cli, and exposes the ports that Testcontainers hands out.
#
# Modules come from the module proxy through the build container's own network. GOPROXY, GOSUMDB and
# GOFLAGS are build arguments (unset: Go's defaults); where the default bridge leads nowhere, add
# `--network host`. Written for the classic builder too: no RUN --mount.
ARG GO_IMAGE

FROM ${GO_IMAGE:-golang:1.26-bookworm} AS build
ARG GOPROXY="" GOSUMDB="" GOFLAGS=""
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The compile cache goes in the same step: nothing would read it again from a layer.
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /image/squall ./cmd/squall \
 && go clean -cache \
 && ln -s squall /image/toxiproxy && ln -s squall /image/toxiproxy-cli \
 && mkdir -p /state /image/etc/ssl/certs \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && echo 'squall:x:65532:65532::/:/sbin/nologin' > /image/etc/passwd \
 && echo 'squall:x:65532:' > /image/etc/group

FROM scratch AS base
COPY --from=build /image /
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/squall"]

FROM base AS service
ENV PORT=5055
EXPOSE 5055
HEALTHCHECK --interval=2s --timeout=2s --retries=5 CMD ["/squall", "health", "http://127.0.0.1:5055/health"]

FROM service AS hello
CMD ["hello"]

FROM service AS flaky
CMD ["flaky"]

# The default. The admin API listens on every interface of the container, without a token unless there is one: whoever
# publishes 8474 decides who may reach it. The state in /state outlives the container on a volume.
FROM base AS squall
COPY --from=build --chown=65532:65532 /state /state
VOLUME /state
ENV SQUALL_ADMIN_OPEN=true
EXPOSE 8474 8666-8697
HEALTHCHECK --interval=2s --timeout=2s --retries=5 CMD ["/squall", "health", "http://127.0.0.1:8474/readyz"]
CMD ["serve", "--admin-listen", "0.0.0.0:8474", "--state", "/state/squall.json"]
