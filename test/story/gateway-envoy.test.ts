import { describe } from "vitest";
import { type EnvoyChanges, startEnvoy } from "../harness/gateway-envoy.ts";
import { promisesOfGateway } from "../harness/gateway-promises.ts";

const examples = new URL("../../examples/gateways/envoy/", import.meta.url);
const changes: readonly EnvoyChanges["headersWithUnderscores"][] = ["as in the example", "as by default"];

describe.each(["http", "grpc"])("Envoy asks over %s", (protocol) => {
  describe.each(changes)("headers with underscores are treated %s", (headersWithUnderscores) => {
    promisesOfGateway({
      start: (scene) => startEnvoy(new URL(`envoy-${protocol}.yaml`, examples), scene, { headersWithUnderscores }),
      routeFrom: "path",
      blindStatus: 503,
      downStatus: 503,
      passesBody: true,
    });
  });
});
