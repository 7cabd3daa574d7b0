import { describe, expect, test } from "vitest";
import { ProviderFailure, type ProviderUser } from "@rollcall/reconciler/providers";
import type { Asked, Reply } from "../harness/providers/provider-server.ts";
import { peopleOf, type ProviderScene, type Vendor, vendors } from "../harness/providers/provider-scenes.ts";

const people = peopleOf(8);
const never = new AbortController().signal;

describe.each(vendors)("$name lists everybody or nobody", (vendor) => {
  test("across pages, leavers too, each once", async () => {
    const { provider } = await vendor.open(people);
    const listed = await listAll(provider.listUsers(never));
    expect(listed.map(({ id }) => id).toSorted()).toEqual(people.map(({ id }) => id).toSorted());
    for (const { id, email, active } of people) {
      const { attributes } = listed.find((user) => user.id === id) ?? expect.fail(`${id} is missing`);
      expect(attributes).toMatchObject({ userName: email, externalId: id, active });
      expect(attributes["emails"]).toContainEqual({ value: email, type: "work", primary: true });
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7])("%i people, whatever the pages are cut to", async (count) => {
    const { provider } = await vendor.open(people.slice(0, count));
    expect(await listAll(provider.listUsers(never))).toHaveLength(count);
  });

  test("not when the second page fails", async () => {
    const scene = await vendor.open(people);
    lieOn(scene, vendor, 2, () => ({ status: 500, body: { error: "an error" } }));
    await expectIncomplete(scene);
  });

  test("not when the second page is refused", async () => {
    const scene = await vendor.open(people);
    lieOn(scene, vendor, 2, () => ({ status: 400, body: { error: "an error" } }));
    await expectIncomplete(scene);
  });

  test("not when a page breaks off", async () => {
    const scene = await vendor.open(people);
    lieOn(scene, vendor, 2, (reply) => ({ ...reply, cutAt: 40 }));
    await expectIncomplete(scene);
  });

  test("not when a page breaks off and says that it is whole", async () => {
    const scene = await vendor.open(people);
    lieOn(scene, vendor, 2, (reply) => ({ ...reply, body: JSON.stringify(reply.body).slice(0, 40) }));
    await expectFailure(scene, "malformed");
  });

  test("not when the second page is the first once more", async () => {
    const scene = await vendor.open(people);
    let first: Reply | undefined;
    lieOn(scene, vendor, 1, (reply) => (first = reply));
    lieOn(scene, vendor, 2, (reply, asked) => usersTo(reply, usersOf(first ?? reply, asked), asked));
    await expectIncomplete(scene);
  });

  test("not when pages are empty and go on without end", async () => {
    const scene = await vendor.open(people);
    scene.server.meddle((reply, asked) => {
      if (asked.url.pathname !== vendor.pagePath) return reply;
      const emptied = usersTo(reply, [], asked);
      return vendor.pages === "places" ? emptied : endless(emptied, asked);
    });
    await expectIncomplete(scene);
  });

  test("not when it has nobody to show and does not say that there is nobody", async () => {
    const scene = await vendor.open(people);
    scene.server.meddle((reply, asked) =>
      asked.url.pathname === vendor.pagePath ? withoutNext(usersTo(reply, [], asked)) : reply,
    );
    await expectIncomplete(scene);
  });

  test("not when somebody is active by a word that is no boolean", async () => {
    const scene = await vendor.open(people);
    for (const word of ["yes", "constructor", 1, {}, "", []]) {
      scene.server.meddle((reply, asked) =>
        asked.url.pathname === vendor.pagePath ? { ...reply, body: spelt(reply.body, word) } : reply,
      );
      await expectFailure(scene, "malformed");
    }
  });

  test("goes on where it was asked to wait", async () => {
    const scene = await vendor.open(people, { attemptsMax: 3 });
    lieOn(scene, vendor, 2, () => ({ status: 429, headers: { "retry-after": "0" }, body: {} }));
    expect(await listAll(scene.provider.listUsers(never))).toHaveLength(people.length);
  });

  test("says how long it was asked to wait, where that is longer than it waits", async () => {
    const scene = await vendor.open(people, { attemptsMax: 3 });
    lieOn(scene, vendor, 2, () => ({ status: 429, headers: { "retry-after": "600" }, body: {} }));
    expect(await failureOf(listAll(scene.provider.listUsers(never)))).toMatchObject({
      reason: "throttled",
      retryAfterSec: 600,
    });
  });

  test("goes on where an answer was lost", async () => {
    const scene = await vendor.open(people, { attemptsMax: 3 });
    lieOn(scene, vendor, 2, (reply) => ({ ...reply, cutAt: 40 }));
    expect(await listAll(scene.provider.listUsers(never))).toHaveLength(people.length);
  });

  test("stops when it is told to", async () => {
    const scene = await vendor.open(people, { attemptsMax: 3 });
    const ending = new AbortController();
    lieOn(scene, vendor, 2, (reply) => {
      ending.abort();
      return reply;
    });
    expect(await failureOf(listAll(scene.provider.listUsers(ending.signal)))).toMatchObject({ reason: "interrupted" });
  });
});

describe.each(vendors.filter(({ pages }) => pages === "links"))(
  "$name follows no link that leads elsewhere",
  (vendor) => {
    test.each(["another host", "another port", "the same host with a user in it"])("to %s", async (_name) => {
      const scene = await vendor.open(people);
      const trap = await vendor.open(people);
      const elsewhere = {
        "another host": scene.server.origin.replace("127.0.0.1", "localhost"),
        "another port": trap.server.origin,
        "the same host with a user in it": scene.server.origin.replace("//", "//somebody@"),
      }[_name];
      scene.server.meddle((reply, asked) => {
        if (asked.url.pathname !== vendor.pagePath) return reply;
        const text = JSON.stringify({ headers: reply.headers, body: reply.body });
        const { headers, body } = JSON.parse(
          text.replaceAll(`${scene.server.origin}${vendor.pagePath}?`, `${elsewhere}${vendor.pagePath}?`),
        ) as Reply;
        return { ...reply, ...(headers === undefined ? {} : { headers }), body };
      });
      await expectFailure(scene, "malformed");
      expect(trap.server.asked).toEqual([]);
      expect(scene.server.asked.filter(({ url }) => url.pathname === vendor.pagePath)).toHaveLength(1);
    });

    test("in a circle", async () => {
      const scene = await vendor.open(people);
      let first: Reply | undefined;
      scene.server.meddle((reply, asked) => {
        if (asked.url.pathname !== vendor.pagePath) return reply;
        first ??= reply;
        return usersTo(
          first,
          asked.url.search.includes("after") || asked.url.search.includes("skiptoken") ? [] : usersOf(first, asked),
          asked,
        );
      });
      await expectIncomplete(scene);
    });
  },
);

describe.each(vendors.filter(({ name }) => /SCIM|Keycloak|Auth0/.test(name)))(
  "$name is held to its total",
  (vendor) => {
    test.each([-1, 1, 100])("which is %i from the truth", async (difference) => {
      const scene = await vendor.open(people);
      scene.server.meddle((reply) => ({ ...reply, body: recounted(reply.body, difference) }));
      await expectIncomplete(scene);
    });

    test("which changes on the way", async () => {
      const scene = await vendor.open(people);
      lieOn(scene, vendor, 2, (reply) => {
        scene.become(peopleOf(9));
        return { ...reply, body: recounted(reply.body, 1) };
      });
      await expectIncomplete(scene);
    });
  },
);

describe.each(vendors.filter(({ name }) => /SCIM by index|Keycloak/.test(name)))("$name", (vendor) => {
  test("passes nobody over when one leaves and one comes between two pages", async () => {
    const scene = await vendor.open(people);
    lieOn(scene, vendor, 1, (reply) => {
      scene.become([...people.slice(1), ...peopleOf(9).slice(8)]);
      return reply;
    });
    await expectIncomplete(scene);
  });

  test("passes nobody over when the order changes between two pages", async () => {
    const scene = await vendor.open(people);
    lieOn(scene, vendor, 1, (reply) => {
      scene.become(people.toReversed());
      return reply;
    });
    await expectIncomplete(scene);
  });
});

/** Lies about the nth page that is asked for, once; what is asked again is answered with the truth. */
function lieOn(
  { server }: ProviderScene,
  { pagePath }: Vendor,
  nth: number,
  lie: (reply: Reply, asked: Asked) => Reply,
): void {
  let page = 0;
  const before = lies.get(server) ?? ((reply: Reply) => reply);
  const both = (reply: Reply, asked: Asked): Reply => {
    const told = before(reply, asked);
    if (asked.url.pathname !== pagePath) return told;
    page += 1;
    return page === nth ? lie(told, asked) : told;
  };
  lies.set(server, both);
  server.meddle(both);
}
const lies = new WeakMap<ProviderScene["server"], (reply: Reply, asked: Asked) => Reply>();

const listNames = ["Resources", "value", "users"];

function usersOf({ body }: Reply, _asked: Asked): readonly unknown[] {
  if (Array.isArray(body)) return body as readonly unknown[];
  const page = body as Readonly<Record<string, unknown>>;
  return listNames.map((name) => page[name]).find(Array.isArray) ?? [];
}

/** The answer with other users in it, and everything around them as it was. */
function usersTo(reply: Reply, users: readonly unknown[], _asked: Asked): Reply {
  const { body } = reply;
  if (Array.isArray(body)) return { ...reply, body: users };
  const page = body as Readonly<Record<string, unknown>>;
  const name = listNames.find((one) => Array.isArray(page[one]));
  const counted = page["length"] === undefined ? {} : { length: users.length };
  return name === undefined ? reply : { ...reply, body: { ...page, [name]: users, ...counted } };
}

let nextToken = 0;
/** The answer with a next page that was never there. */
function endless(reply: Reply, { url }: Asked): Reply {
  nextToken += 1;
  const next = new URL(url);
  next.searchParams.set("more", String(nextToken));
  if (Array.isArray(reply.body)) return { ...reply, headers: { ...reply.headers, link: `<${next.href}>; rel="next"` } };
  const page = reply.body as Readonly<Record<string, unknown>>;
  const token = String(nextToken);
  return {
    ...reply,
    body: {
      ...page,
      ...(page["schemas"] === undefined ? {} : { nextCursor: token }),
      ...(page["value"] === undefined ? {} : { "@odata.nextLink": next.href }),
      ...(page["kind"] === undefined ? {} : { nextPageToken: token }),
    },
  };
}

function withoutNext(reply: Reply): Reply {
  const { link: _link, ...headers } = reply.headers ?? {};
  if (Array.isArray(reply.body)) return { ...reply, headers };
  const names = new Set(["nextCursor", "@odata.nextLink", "nextPageToken"]);
  const page = Object.entries(reply.body as Readonly<Record<string, unknown>>).filter(([name]) => !names.has(name));
  return { ...reply, body: Object.fromEntries(page) };
}

/** What says whether somebody is active, in another word: in each vendor's own attribute. */
function spelt(body: unknown, word: unknown): unknown {
  const names = ["active", "status", "accountEnabled", "suspended", "enabled", "blocked"];
  return JSON.parse(JSON.stringify(body), (key, value: unknown) => (names.includes(key) ? word : value)) as unknown;
}

function recounted(body: unknown, difference: number): unknown {
  if (typeof body === "number") return Math.max(0, body + difference);
  return JSON.parse(JSON.stringify(body), (key, value: unknown) =>
    key === "totalResults" || key === "total" ? Number(value) + difference : value,
  ) as unknown;
}

async function listAll(pages: AsyncIterable<readonly ProviderUser[]>): Promise<readonly ProviderUser[]> {
  const all: ProviderUser[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (answer) => expect.fail(`it answered ${JSON.stringify(answer).slice(0, 200)}`),
    (error: unknown) => error,
  );
}

async function expectIncomplete(scene: ProviderScene): Promise<void> {
  await expectFailure(scene, "incomplete");
}

async function expectFailure({ provider, secret }: ProviderScene, reason: ProviderFailure["reason"]): Promise<void> {
  const failure = await failureOf(listAll(provider.listUsers(never)));
  expect(failure).toBeInstanceOf(ProviderFailure);
  expect(failure).toMatchObject({ reason });
  expect(String((failure as Error).stack)).not.toContain(secret);
}
