import { describe, expect, test } from "vitest";
import { ProviderFailure } from "@rollcall/reconciler/providers";
import { startKeycloakServer } from "../harness/providers/keycloak-server.ts";
import { openAt, peopleOf, type ProviderScene, secretOfScenes, vendors } from "../harness/providers/provider-scenes.ts";
import { startScimServer } from "../harness/providers/scim-server.ts";

const people = peopleOf(6);
const [here, , gone] = people;
const never = new AbortController().signal;
const isIssuerOfIds = /Keycloak|Auth0|Google/;

describe.each(vendors)("$name answers about one user", (vendor) => {
  test("who is there, by id, by user name and by e-mail address", async () => {
    const { provider } = await vendor.open(people);
    for (const names of [{ id: here?.id }, { userName: here?.email }, { email: here?.email }]) {
      const user = await provider.readUser(names, never);
      expect(user).toMatchObject({
        id: here?.id,
        attributes: { active: true, userName: here?.email, externalId: here?.id },
      });
    }
  });

  test("who has left, as no longer active", async () => {
    const { provider } = await vendor.open(people);
    for (const names of [{ id: gone?.id }, { userName: gone?.email }])
      expect((await provider.readUser(names, never))?.attributes.active).toBe(false);
  });

  test("who was never there, as nobody", async () => {
    const { provider } = await vendor.open(people);
    for (const names of [{ id: "id-99" }, { userName: "nobody@example.com" }, { email: "nobody@example.com" }])
      expect(await provider.readUser(names, never)).toBeUndefined();
  });

  test("by the id alone where there is one: a name may be another's by now", async () => {
    const { provider } = await vendor.open(people);
    expect(await provider.readUser({ id: "id-99", userName: here?.email, email: here?.email }, never)).toBeUndefined();
  });

  test("whose name holds what is not a name", async () => {
    const scene = await vendor.open(people);
    const id = `x/../../${here?.id}?a=b#c`;
    expect(await scene.provider.readUser({ id }, never)).toBeUndefined();
    for (const dots of [".", ".."]) await expectFailure(scene, { id: dots }, "malformed");
    const quoted = `x" or userName eq "${here?.email}`;
    const answer = await scene.provider.readUser({ userName: quoted }, never).catch((error: unknown) => error);
    expect(answer === undefined || answer instanceof ProviderFailure).toBe(true);
  });

  test("by what the provider's own tokens call them, and by no other issuer's", async () => {
    const scene = await vendor.open(people);
    const issuer = { Keycloak: `${scene.server.origin}/realms/acme`, Auth0: `${scene.server.origin}/` }[vendor.name];
    const own = { iss: issuer ?? "https://accounts.google.com", sub: here?.id ?? "" };
    if (isIssuerOfIds.test(vendor.name))
      expect((await scene.provider.readUser({ token: own }, never))?.id).toBe(here?.id);
    await expectFailure(scene, { token: { iss: "https://idp.example", sub: here?.id ?? "" } }, "malformed");
  });
});

describe.each(vendors)("$name is not believed that somebody is gone", (vendor) => {
  test("where a 404 is in words that are not its own", async () => {
    const scene = await vendor.open(people);
    for (const body of [{}, { error: "not found" }, { message: "no route" }, "<html>not found</html>"]) {
      scene.server.meddle((reply) => (reply.status === 404 ? { ...reply, body } : reply));
      await expectFailure(scene, { id: "id-99" }, "malformed");
    }
  });

  test("where it answers with somebody else", async () => {
    const scene = await vendor.open(people);
    const text = (body: unknown) => JSON.stringify(body).replaceAll(`"${here?.id}"`, '"id-77"');
    scene.server.meddle((reply, { method }) => (method === "GET" ? { ...reply, body: text(reply.body) } : reply));
    await expectFailure(scene, { id: here?.id }, "malformed");
  });

  test("where its server is ill", async () => {
    const scene = await vendor.open(people);
    scene.server.meddle((reply, { method }) => (method === "GET" ? { status: 503, body: {} } : reply));
    await expectFailure(scene, { id: here?.id }, "unreachable");
    await expectFailure(scene, { userName: here?.email }, "unreachable");
  });

  test("where it does not answer in time", async () => {
    const scene = await vendor.open(people, { timeoutMs: 200 });
    const stuck: (() => void)[] = [];
    scene.server.meddle((reply, { method }) =>
      method === "GET" ? { ...reply, hold: (done) => stuck.push(done) } : reply,
    );
    await expectFailure(scene, { id: here?.id }, "unreachable");
    for (const done of stuck) done();
  });

  test("where it redirects, which would take the credential along", async () => {
    const scene = await vendor.open(people);
    const trap = await vendor.open(people);
    const location = `${trap.server.origin}/`;
    scene.server.meddle((reply, { method }) =>
      method === "GET" ? { status: 302, headers: { location }, body: {} } : reply,
    );
    await expectFailure(scene, { id: here?.id }, "malformed");
    expect(trap.server.asked).toEqual([]);
  });

  test("where it refuses the credential, and says so once it has tried a new one", async () => {
    const scene = await vendor.open(people);
    scene.server.meddle((reply, { method }) => (method === "GET" ? { status: 401, body: {} } : reply));
    await expectFailure(scene, { id: here?.id }, "unauthenticated");
  });

  test("where the credential may not read users", async () => {
    const scene = await vendor.open(people);
    scene.server.meddle((reply, { method }) => (method === "GET" ? { status: 403, body: {} } : reply));
    await expectFailure(scene, { id: here?.id }, "forbidden");
  });

  test("where its answer is longer than anybody's", async () => {
    const scene = await vendor.open(people);
    const body = JSON.stringify({ long: "x".repeat(9 * 1024 * 1024) });
    scene.server.meddle((reply, { method }) => (method === "GET" ? { ...reply, body } : reply));
    await expectFailure(scene, { id: here?.id }, "malformed");
  });
});

// Google has no search: its answer is one user, of whom the others tell.
describe.each(vendors.filter(({ name }) => !/Google/.test(name)))("$name", (vendor) => {
  test("searches that find others than were searched for are no answer", async () => {
    const scene = await vendor.open(people);
    scene.server.meddle((reply, { method, url }) => {
      const isSearch = method === "GET" && /\/users(?:-by-email)?$/i.test(url.pathname);
      return isSearch ? { ...reply, body: replaceUser(reply.body) } : reply;
    });
    await expectFailure(scene, { userName: here?.email }, "malformed");
  });
});

describe.each(vendors.filter(({ name }) => /service app|Graph|Google|Keycloak|Auth0/.test(name)))("$name", (vendor) => {
  test("is asked for a token once, and again when it is refused", async () => {
    const scene = await vendor.open(people);
    const tokens = () => scene.server.asked.filter(({ method }) => method === "POST").length;
    await Promise.all([1, 2, 3].map(() => scene.provider.readUser({ id: here?.id }, never)));
    expect(tokens()).toBe(1);
    let refused = 0;
    scene.server.meddle((reply, { method }) => {
      if (method === "POST" || refused > 0) return reply;
      refused += 1;
      return { status: 401, body: {} };
    });
    expect((await scene.provider.readUser({ id: here?.id }, never))?.id).toBe(here?.id);
    expect(tokens()).toBe(2);
  });

  test("that knows another secret gives none, and the secret is in no error", async () => {
    const other = await vendor.open(people, { secret: `${secretOfScenes}-and-more` });
    const names = { id: here?.id };
    await expectFailure(other, names, "unauthenticated");
    await expectFailure(other, names, "unauthenticated");
  });
});

describe("Google", () => {
  const google = vendors.find(({ name }) => name === "Google Directory");

  test("is asked again where its 403 says too fast, and not where it says no", async () => {
    const scene = await google?.open(people, { attemptsMax: 2 });
    if (scene === undefined) return expect.fail("there is no Google");
    for (const reason of ["userRateLimitExceeded", "quotaExceeded"]) {
      let refused = 0;
      scene.server.meddle((reply, { method }) => {
        refused += 1;
        return method === "POST" || refused > 1 ? reply : { status: 403, body: googleBody(reason) };
      });
      expect((await scene.provider.readUser({ id: here?.id }, never))?.id).toBe(here?.id);
    }
    scene.server.meddle((reply, { method }) =>
      method === "POST" ? reply : { status: 403, body: googleBody("forbidden") },
    );
    await expectFailure(scene, { id: here?.id }, "forbidden");
  });

  test("finds somebody by another of their addresses", async () => {
    const scene = await google?.open(people);
    expect((await scene?.provider.readUser({ email: "PERSON001@alias.example" }, never))?.id).toBe(here?.id);
  });
});

describe("Keycloak", () => {
  test("that shows nobody at all is not believed that one is gone", async () => {
    const realm = { users: people, mayView: false };
    const server = await startKeycloakServer(realm, { clientId: "rollcall", secret: secretOfScenes });
    const provider = openAt(server, { kind: "keycloak", realm: "acme", clientId: "rollcall" }, secretOfScenes);
    for (const names of [{ userName: here?.email }, { id: here?.id }])
      await expect(provider.readUser(names, never)).rejects.toMatchObject({ reason: "forbidden" });
    await expect(provider.listUsers(never)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      reason: "incomplete",
    });
    await server.close();
  });
});

describe("SCIM", () => {
  test.each(["index", "cursor"] as const)("lists groups with their members, by %s", async (paging) => {
    const groups = [
      { id: "g1", name: "Sales", members: ["id-1", "id-2"] },
      { id: "g2", name: "Nobody", members: [] },
      { id: "g3", name: "All", members: ["id-3"] },
      { id: "g4", name: "More", members: ["g1"] },
    ];
    const server = await startScimServer({ users: people, groups }, secretOfScenes, paging);
    const provider = openAt(server, { kind: "scim", url: `${server.origin}/scim/v2` }, secretOfScenes);
    const listed: unknown[] = [];
    for await (const page of provider.listGroups?.(never) ?? []) listed.push(...page);
    expect(listed).toEqual(
      groups.map(({ id, name, members }) => ({ id, attributes: { displayName: name, externalId: id }, members })),
    );
    await server.close();
  });

  test("keeps what it says of a user, under SCIM's names", async () => {
    const scene = await vendors[0]?.open(people);
    expect((await scene?.provider.readUser({ id: "id-1" }, never))?.attributes).toEqual({
      userName: "person001@example.com",
      externalId: "id-1",
      active: true,
      displayName: "Person001",
      name: { givenName: "Person001", familyName: "Berg" },
      emails: [
        { value: "person001@example.com", type: "work", primary: true },
        { value: "person001@home.example", type: "other" },
      ],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { department: "Sales", manager: { value: "boss" } },
    });
  });
});

function googleBody(reason: string) {
  return { error: { code: 403, message: "m", errors: [{ domain: "usageLimits", reason, message: "m" }] } };
}

/** Whatever was searched for, it is somebody else. */
function replaceUser(body: unknown): unknown {
  const text = JSON.stringify(body);
  return JSON.parse(text.replaceAll("person001@", "person004@")) as unknown;
}

async function expectFailure(
  { provider, secret }: ProviderScene,
  names: Parameters<ProviderScene["provider"]["readUser"]>[0],
  reason: ProviderFailure["reason"],
): Promise<void> {
  const failure = await provider.readUser(names, never).then(
    (answer) => expect.fail(`it answered ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ProviderFailure);
  expect(failure).toMatchObject({ reason });
  const told = `${String((failure as Error).stack)}${JSON.stringify(failure)}`;
  for (const piece of [secret, "person001", "Person001"]) expect(told).not.toContain(piece);
}
