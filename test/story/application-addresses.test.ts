import type { LookupAddress } from "node:dns";
import { createServer, Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { AddressRefused, createOutward } from "@rollcall/core/runtime";
import { pushTo, receiverOf } from "../harness/application.ts";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";

describe("what is sent leads nowhere inside", () => {
  const strict = createOutward({ loopback: false });
  const addresses = [
    "http://example.com/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[2002:a00:1::]/",
    "https://[64:ff9b::a00:1]/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://metadata.google.internal/",
    "https://user:password@example.com/",
    "https://example.com/#part",
    "ftp://example.com/",
    "not a url",
  ];

  test.each(addresses)("%s is refused where it is named", async (url) => {
    expect(strict.refusalOf(url)).toMatch(/^must /);
    const own = await openStrictHouse();
    const tenant = await createTenant(own);
    const admin = await adminOf(own, tenant);
    const { status, body } = await admin("POST", `/tenants/${tenant.slug}/webhooks`, { url });
    expect([status, body["code"]]).toEqual([400, "value_invalid"]);
    const receiver = await receiverOf(own, tenant);
    expect((await receiver("POST", "/streams", { delivery: pushTo(url) })).status).toBe(400);
  });

  test("an address on the Internet is not", () => {
    for (const url of ["https://example.com/hook?a=b", "https://8.8.8.8:8443/", "https://[2606:4700::1111]/"])
      expect(strict.refusalOf(url)).toBeUndefined();
  });

  const internal: readonly (readonly [string, readonly LookupAddress[]])[] = [
    ["in a private network", [{ address: "10.0.0.1", family: 4 }]],
    [
      "this machine",
      [
        { address: "93.184.216.34", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ],
    ],
    ["this machine, in IPv6", [{ address: "::1", family: 6 }]],
    ["a link-local address in disguise", [{ address: "::ffff:169.254.169.254", family: 6 }]],
  ];
  test.each(internal)(
    "a name is refused when it is connected to, if one of its addresses is %s",
    async (_name, found) => {
      const lookup = ((
        _name: string,
        _options: object,
        callback: (error: null, all: readonly LookupAddress[]) => void,
      ) => callback(null, found)) as unknown as Parameters<typeof createOutward>[0]["lookup"];
      const outward = createOutward({ loopback: true, ...(lookup === undefined ? {} : { lookup }) });
      onTestFinished(() => outward.close());
      const posting = outward.post("https://harmless.example/", {}, "{}", AbortSignal.timeout(5_000));
      await expect(posting).rejects.toThrow(AddressRefused);
    },
  );

  test("what was registered while it was allowed is not sent once it is not", async () => {
    const server: Server = createServer((_request, response) => response.end());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const posting = strict.post(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      {},
      "{}",
      AbortSignal.timeout(5_000),
    );
    await expect(posting).rejects.toThrow(AddressRefused);
  });

  test("an issuer that leads there is not asked for its keys, whoever has named it", async () => {
    const asked: string[] = [];
    const server: Server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end("{}");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const own = await openStrictHouse();
    const tenant = await createTenant(own);
    const admin = await adminOf(own, tenant);
    const at = `/tenants/${tenant.slug}/connections/idp`;
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await admin("PATCH", at, { issuers: [issuer] })).status).toBe(200);
    const { status, body } = await admin("POST", `${at}/test`);
    expect(status).toBe(200);
    expect(JSON.stringify(body)).toContain(`${issuer}: the issuer's keys could not be fetched`);
    expect(asked).toEqual([]);
  });
});

let strictHouse: ReturnType<typeof openHouse> | undefined;
function openStrictHouse() {
  return (strictHouse ??= openHouse({ egress: { loopback: false } }));
}
