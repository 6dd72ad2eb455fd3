# The server in a container: docker build -t fetchonce . && docker run --rm -p 8080:8080 fetchonce
# Settings come from environment variables (see README.md) or arguments; nothing is written to disk.

FROM debian:bookworm-slim AS build
# The packages first: they change less often than the sources, and this layer is kept.
WORKDIR /source
COPY scripts/common.sh scripts/install.sh scripts/packages.txt scripts/
RUN scripts/install.sh build
COPY . .
RUN cmake --preset release -DBUILD_TESTING=OFF && \
    cmake --build --preset release --target fetchonce && \
    strip build/release/server/fetchonce

FROM debian:bookworm-slim
COPY --from=build /source/scripts /tmp/install/scripts
RUN /tmp/install/scripts/install.sh image && \
    rm -rf /tmp/install /var/lib/apt/lists/* /var/cache/apt/*.bin
COPY --from=build /source/build/release/server/fetchonce /usr/local/bin/fetchonce
COPY --from=build /source/config/container/healthcheck.sh /usr/local/bin/fetchonce-healthcheck

COPY config/container.json /etc/fetchonce/container.json

# A number, so that an orchestrator can see that it is not root. Nobody needs a name or a home here.
USER 10001:10001
# Listens on all addresses, port 8080; private and loopback addresses stay closed to /fetch.
# A file of one's own, FETCHONCE_* variables and arguments come before what it says.
ENV FETCHONCE_CONFIG=/etc/fetchonce/container.json
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 \
    CMD ["/usr/local/bin/fetchonce-healthcheck"]
ENTRYPOINT ["/usr/local/bin/fetchonce"]
