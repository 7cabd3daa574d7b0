import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readBlockYaml } from "../harness/block-yaml.ts";

const examples = new URL("../../examples/gateways/istio/", import.meta.url);

async function documentsOf(name: string): Promise<readonly unknown[]> {
  return readBlockYaml(await readFile(new URL(name, examples), "utf8"));
}

// What Istio makes of these is Envoy's filter over gRPC, whose promises are kept in gateway-envoy.test.ts.
test("the policy asks the provider about everything, and the provider is authz's port for gRPC, which lets nobody pass while it is down", async () => {
  const [[provider], [policy], [service, deployment]] = await Promise.all([
    documentsOf("provider.yaml"),
    documentsOf("policy.yaml"),
    documentsOf("authz.yaml"),
  ]);
  const { name, namespace } = { name: "authz", namespace: "rollcall" };
  expect(policy).toMatchObject({ spec: { action: "CUSTOM", provider: { name: "rollcall" }, rules: [{}] } });
  expect(provider).toMatchObject({
    spec: {
      meshConfig: {
        extensionProviders: [
          {
            name: "rollcall",
            envoyExtAuthzGrpc: {
              service: `${name}.${namespace}.svc.cluster.local`,
              port: 9084,
              failOpen: false,
              statusOnError: "503",
            },
          },
        ],
      },
    },
  });
  expect(service).toMatchObject({
    kind: "Service",
    metadata: { name, namespace },
    spec: { ports: [{ name: "grpc", port: 9084 }] },
  });
  expect(deployment).toMatchObject({
    metadata: { name, namespace },
    spec: {
      template: {
        spec: {
          containers: [
            { args: ["authz"], env: [{ name: "AUTHZ_CONFIG_FILE" }, { name: "AUTHZ_GRPC_PORT", value: "9084" }] },
          ],
        },
      },
    },
  });
});
