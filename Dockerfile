# The base is Debian because the bot runs the system's ssh. For a host that is the container itself it also needs git, bash and GNU's
# stat, timeout and tar. BusyBox's differ.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /onboardbot .

FROM debian:bookworm-slim
# ssh needs an account with a name and a home. Its keys and known_hosts are mounted at ~/.ssh.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
 && useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin onboardbot \
 && install -d -m 0700 -o onboardbot -g onboardbot /home/onboardbot/.ssh
COPY --from=build /onboardbot /usr/local/bin/onboardbot
USER 10001:10001
WORKDIR /home/onboardbot
# Health checks and metrics, if http.listen is 0.0.0.0:8080.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD ["onboardbot", "ready", "-config", "/etc/onboardbot/config.yaml"]
ENTRYPOINT ["onboardbot"]
CMD ["serve", "-config", "/etc/onboardbot/config.yaml"]
