# syntax=docker/dockerfile:1
# 驿站镜像。 The image of Yizhan: docker build -t yizhan .
#
# One node that wants to be told where its services are: docker-compose.yml shows a whole cluster. Alone it keeps an
# SQLite file in its volume:
#   docker run -p 8080:8080 -v yizhan:/var/lib/yizhan -e YIZHAN__SECRET__GENERATE=true \
#     -e YIZHAN__HTTP__PUBLIC_URL=http://localhost:8080 yizhan

# The pages that the binary carries.
FROM node:20-bookworm-slim AS pages
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/build.mjs web/tsconfig.json ./
COPY web/src src
RUN npm run build

# The binary. Its dependencies stay in caches between builds.
FROM rust:1.95-slim-bookworm AS binary
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY migrations migrations
COPY templates templates
COPY flows flows
COPY tenants tenants
COPY --from=pages /src/web/dist web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin yizhan && install -m 755 target/release/yizhan /usr/local/bin/yizhan

FROM debian:bookworm-slim
# Certificates, for WeChat's API.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/yizhan --shell /usr/sbin/nologin yizhan \
    && install -d -m 700 -o yizhan -g yizhan /var/lib/yizhan
COPY --from=binary /usr/local/bin/yizhan /usr/local/bin/yizhan
USER 10001:10001
# Everything that is written is here; the rest may be read-only.
VOLUME /var/lib/yizhan
WORKDIR /var/lib/yizhan
ENV YIZHAN__DATA__DIR=/var/lib/yizhan \
    YIZHAN__HTTP__BIND=0.0.0.0:8080
EXPOSE 8080
# SIGTERM drains; give it more than drain.deadline_s (25 s) before it is killed: docker stop --time 40.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["yizhan", "health"]
ENTRYPOINT ["yizhan"]
CMD ["serve"]
