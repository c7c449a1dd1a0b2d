# imbrex-server alone, on Debian 12.
#
#   docker build -t imbrex-server .
#   docker run --read-only --cap-drop ALL --memory 192m -p 8080:8080 \
#       -v /srv/maps:/tilesets:ro imbrex-server
#
# Every *.imbrex folder in the volume is served; further options go at the end,
# followed by /tilesets. Nothing is written: the root file system may be
# read-only, and so may the volume.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
WORKDIR /source
COPY packaging/dependencies packaging/install-dependencies packaging/
RUN packaging/install-dependencies build server
COPY CMakeLists.txt CMakePresets.json LICENSE ./
COPY cmake cmake
COPY docs docs
COPY pack pack
COPY packaging packaging
COPY server server
COPY web web
RUN cmake --preset release -DIMBREX_TILER=OFF -DIMBREX_TESTS=OFF \
        -DCMAKE_INSTALL_PREFIX=/usr \
    && cmake --build --preset release \
    && DESTDIR=/installed cmake --install build/release --component server --strip

FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libcjson1 libmicrohttpd12 libxxhash0 zlib1g \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=build /installed/usr/bin/imbrex-server /usr/bin/
USER 65532:65532
VOLUME /tilesets
EXPOSE 8080
STOPSIGNAL SIGTERM
# The administration listener stays inside the container.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["imbrex-server", "--check-health", "127.0.0.1:8081"]
ENTRYPOINT ["imbrex-server", "--bind", "0.0.0.0", "--port", "8080", \
    "--admin", "127.0.0.1:8081"]
CMD ["/tilesets"]
