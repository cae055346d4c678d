# PostgreSQL 15 with the extension: docker build -f docker/postgres.Dockerfile .
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-15 postgresql-server-dev-15 clang libclang-dev pkg-config make jq
RUN cargo install cargo-pgrx --version 0.18.1 --locked && cargo pgrx init --pg15 /usr/lib/postgresql/15/bin/pg_config
WORKDIR /src
COPY . .
RUN cd pg_extension && cargo pgrx package --pg-config /usr/lib/postgresql/15/bin/pg_config --out-dir /package

FROM postgres:15-bookworm
COPY --from=build /package/ /
