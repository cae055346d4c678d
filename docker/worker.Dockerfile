# The daemon alone: docker build -f docker/worker.Dockerfile .
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release -p prescale-worker

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/prescale-worker /usr/local/bin/
USER 65534:65534
EXPOSE 9797
ENV PRESCALE_HTTP_LISTEN=0.0.0.0:9797
ENTRYPOINT ["prescale-worker"]
CMD ["run"]
