# The image of Sluice: JavaScript built by tsc, production dependencies, no root, no shell needed. The tests run these steps.
ARG NODE_IMAGE=node:26-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="An ingress and egress gateway that applies Gateway API resources" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /sluice
COPY package.json LICENSE NOTICE ./
COPY bin bin
COPY config config
COPY --from=dependencies /build/node_modules node_modules
COPY --from=build /build/dist dist
# Of nobody: it owns nothing in the image, and needs nothing that can be written but /tmp, and that only with workers.
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://' + (process.env.SLUICE_ADMIN_ADDRESS ?? '127.0.0.1:9901') + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/sluice.js"]
CMD ["run", "--config", "config/sluice.yaml"]
