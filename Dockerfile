# One image for every role; the role is the command: `docker run … rollcall ingest`,
# `docker run … rollcall cli migrate`.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
# Installing generates the Prisma client; then what only the tools need goes, and with it the
# PostgreSQL and the Node that npm carries for those who have neither.
RUN npm ci && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    NODE_OPTIONS=--conditions=rollcall-source \
    HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app ./
# A volume that is mounted here for the first time takes over this owner.
RUN install -d -o node -g node -m 0700 /secrets
USER node
# exec: the role is process 1, and is told to stop.
ENTRYPOINT ["sh", "-c", "role=$1; shift; exec node \"apps/$role/src/main.ts\" \"$@\"", "rollcall"]
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HEALTH_PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
