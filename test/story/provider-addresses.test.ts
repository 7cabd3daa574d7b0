import type { LookupAddress } from "node:dns";
import { describe, expect, onTestFinished, test } from "vitest";
import { AddressRefused, createOutward, readConfig } from "@rollcall/core/runtime";
import { openProvider, providerSettings } from "@rollcall/reconciler/providers";
import { peopleOf, secretOfScenes, vendors } from "../harness/providers/provider-scenes.ts";
import { startScimServer } from "../harness/providers/scim-server.ts";

const never = new AbortController().signal;
const [scim] = vendors;

describe("a provider in a private network", () => {
  test("is not asked unless an operator has opened that network", async () => {
    const scene = await scim?.open(peopleOf(1));
    const url = `${scene?.server.origin}/scim/v2`;
    for (const networks of [[], ["10.0.0.0/8", "fd00::/8"]]) {
      const provider = open(url, networks);
      await expect(provider.readUser({ id: "id-1" }, never)).rejects.toMatchObject({ reason: "forbidden" });
    }
    expect(scene?.server.asked).toEqual([]);
    for (const networks of [["127.0.0.0/8"], ["10.0.0.0/8", "127.0.0.1/32"]])
      expect((await open(url, networks).readUser({ id: "id-1" }, never))?.id).toBe("id-1");
  });

  test("is found by a name that leads there, and by none that leads elsewhere as well", async () => {
    const server = await startScimServer({ users: peopleOf(1), groups: [] }, secretOfScenes, "index");
    onTestFinished(() => server.close());
    const url = `${server.origin.replace("127.0.0.1", "scim.internal")}/scim/v2`;
    const inside = { address: "127.0.0.1", family: 4 };
    expect((await open(url, ["127.0.0.0/8"], [inside]).readUser({ id: "id-1" }, never))?.id).toBe("id-1");
    for (const other of ["192.168.1.1", "93.184.216.34", "169.254.169.254", "::1"]) {
      const found = [inside, { address: other, family: other.includes(":") ? 6 : 4 }];
      const asked = open(url, ["127.0.0.0/8"], found).readUser({ id: "id-1" }, never);
      await expect(asked, other).rejects.toMatchObject({ reason: "forbidden" });
    }
  });

  test("is never the address that tells a machine its own secrets", async () => {
    for (const networks of [["0.0.0.0/0", "::/0"], ["169.254.0.0/16"]]) {
      const outward = createOutward({ loopback: true, networks });
      onTestFinished(() => outward.close());
      for (const address of ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"]) {
        expect(outward.refusalOf(`https://${address}/`), address).toMatch(/^must /);
        expect(outward.refusalOf(`http://${address}/`), address).toMatch(/^must /);
      }
      await expect(outward.addressOf("169.254.169.254", false)).rejects.toThrow(AddressRefused);
    }
  });

  test("may be asked without TLS, and one on the Internet may not", async () => {
    const found = [{ address: "93.184.216.34", family: 4 }];
    const asked = open("http://scim.example/scim/v2", ["10.0.0.0/8"], found).readUser({ id: "id-1" }, never);
    await expect(asked).rejects.toMatchObject({ reason: "forbidden" });
    const outward = createOutward({ loopback: false, networks: ["10.0.0.0/8"] });
    onTestFinished(() => outward.close());
    expect(outward.refusalOf("http://10.1.2.3/")).toBeUndefined();
    expect(outward.refusalOf("http://93.184.216.34/")).toMatch(/^must /);
    expect(await outward.addressOf("10.1.2.3", true)).toBe("10.1.2.3");
    await expect(outward.addressOf("93.184.216.34", true)).rejects.toThrow(AddressRefused);
    expect(await outward.addressOf("93.184.216.34", false)).toBe("93.184.216.34");
  });
});

describe("PROVIDER_NETWORKS", () => {
  const read = (text: string) => readConfig(["PROVIDER_NETWORKS"], {}, { PROVIDER_NETWORKS: text }).PROVIDER_NETWORKS;

  test("names networks, and none where it says nothing", () => {
    expect(read("10.20.0.0/16, fd12:3456::/32")).toEqual(["10.20.0.0/16", "fd12:3456::/32"]);
    expect(read("")).toEqual([]);
  });

  test.each(["10.0.0.1", "10.0.0.0/33", "10.0.0/8", "example.com/8", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/-1"])(
    "%s is no network",
    (text) => {
      expect(() => read(text)).toThrow("PROVIDER_NETWORKS");
    },
  );
});

describe("what else asks outside", () => {
  test("is not led into the networks that are opened for providers", () => {
    const egress = createOutward({ loopback: false });
    onTestFinished(() => egress.close());
    for (const url of ["https://10.1.2.3/", "https://scim.internal/", "http://scim.example/"])
      expect(egress.refusalOf(url)).toMatch(/^must /);
  });
});

function open(url: string, networks: readonly string[], found?: readonly LookupAddress[]) {
  const lookup = ((_name: string, _options: object, callback: (error: null, all: readonly LookupAddress[]) => void) =>
    callback(null, found ?? [])) as unknown as Parameters<typeof createOutward>[0]["lookup"];
  const outward = createOutward({
    loopback: false,
    networks,
    ...(found === undefined || lookup === undefined ? {} : { lookup }),
  });
  onTestFinished(() => outward.close());
  const settings = providerSettings.parse({ kind: "scim", url, pace: { attemptsMax: 1 } });
  return openProvider(settings, secretOfScenes, { outward, newId: () => "an-id" });
}
