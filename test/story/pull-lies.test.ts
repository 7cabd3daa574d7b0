import { expect, test } from "vitest";
import { decideMissing, doubtOf } from "@rollcall/core/domain";
import { countedPages, createCount, linkedPages, type Progress, ProviderFailure } from "@rollcall/reconciler/providers";
import { openHouse } from "../harness/house.ts";
import { type Listed, type Lie, lyingPages, pick, type Random, randomOf } from "../harness/lying-provider.ts";
import { admitted, createPeople, crowd, pullScene } from "../harness/pull-scene.ts";
import { eager } from "../harness/read-back-scene.ts";
import { replayed } from "../harness/replay.ts";

const runs = 10_000;
// A lie that is told alike four times over, with its total, is told apart by nobody who only reads lists: one run in a million.
const sameLiesMax = 3;
const own = replayed().seed;
const base = own ?? Date.now() % 2 ** 31;
const house = await openHouse({ readBacks: eager });

test(`${runs} runs of a provider that lies about its pages leave hardly anybody who is there to a question (seed ${base})`, async () => {
  const count = own === undefined ? runs : 1;
  const outcome = { complete: 0, incomplete: 0, gone: 0, doubted: 0, doubtedByPlace: 0 };
  const told = new Map<Lie, number>();
  for (let run = 0; run < count; run += 1) {
    const ended = await live(base + run, told);
    if (ended.doubtedByPlace > 0) console.info(`by place: REPLAY='{"seed":${base + run}}'`);
    for (const name of keysOf(outcome)) outcome[name] += ended[name];
  }
  if (own !== undefined) return;
  // The run has lied in every way, often, and it has also shut out whoever did leave.
  expect([...told.values()].every((times) => times > 500)).toBe(true);
  expect(told.size).toBe(9);
  expect(outcome.complete).toBeGreaterThan(1_000);
  expect(outcome.incomplete).toBeGreaterThan(1_000);
  expect(outcome.gone).toBeGreaterThan(1_000);
  expect(outcome.doubtedByPlace).toBeLessThan(sameLiesMax);
  expect(outcome.doubted).toBeLessThan(outcome.complete / 20);
  console.info("listings of a lying provider", base, outcome);
});

test("a listing of two people under other ids shuts out neither of them, for their names are in it", async () => {
  const two = crowd(2);
  const { tenant, become, pull } = await pullScene(house, two);
  await createPeople(house, tenant, two);
  become(two.map((one) => ({ ...one, id: `other-${one.id}` })));
  for (let round = 0; round < 2; round += 1)
    expect(await pull()).toMatchObject({ state: "failed", reason: expect.stringMatching(/idAttribute/) as string });
  expect((await admitted(house, tenant)).size).toBe(2);
});

type Ended = {
  readonly complete: number;
  readonly incomplete: number;
  /** Who had left and was shut out. */
  readonly gone: number;
  /** Who was in neither of two listings, and whom only the question that is asked about everybody then keeps in. */
  readonly doubted: number;
  /** Those of them whose pages were walked by place, and so looked at twice. */
  readonly doubtedByPlace: number;
};

function keysOf<Counts extends object>(counts: Counts): readonly (keyof Counts)[] {
  return Object.keys(counts) as (keyof Counts)[];
}

/** Some listings in a row, while people come and go, and what the decisions about them come to. */
async function live(seed: number, told: Map<Lie, number>): Promise<Ended> {
  const random = randomOf(seed);
  const size = 1 + Math.floor(random() * 30);
  const people = crowd(size).map(({ id }) => id);
  const directory = new Map(people.map((id) => [id, new Date(0)]));
  let absences = new Map<string, Date>();
  const ended = { complete: 0, incomplete: 0, gone: 0, doubted: 0, doubtedByPlace: 0 };
  const pageSize = 2 + Math.floor(random() * 8);
  const isByPlace = random() < 0.5;
  let clock = 1_000;
  for (let round = 0; round < 5; round += 1) {
    comeAndGo(random, people, directory, (clock += 10), round);
    const askedAt = new Date((clock += 10));
    const living = [...directory.keys()];
    const pages = lyingPages(random, () => people, pageSize);
    const listed = await list(pages.read, isByPlace, pageSize, () => {
      if (random() < 0.02) comeAndGo(random, people, directory, (clock += 10), round);
    });
    for (const lie of pages.told) told.set(lie, (told.get(lie) ?? 0) + 1);
    const known = living.filter((id) => listed?.has(id) === true).length;
    const facts = listed && { listed: listed.size, living: living.length, known, named: known, tookMs: 10 };
    if (listed === undefined || facts === undefined || doubtOf(facts) !== undefined) {
      ended.incomplete += 1;
      continue;
    }
    ended.complete += 1;
    const missing = new Map<string, Date>();
    for (const [id, createdAt] of directory) {
      if (listed.has(id)) continue;
      const decided = decideMissing({ createdAt, saidAt: createdAt, missingSince: absences.get(id) }, askedAt);
      if (decided !== "newer") missing.set(id, absences.get(id) ?? askedAt);
      if (decided !== "gone") continue;
      // Where a page lies about places and totals, that is noticed. Where there are only links, a question is what is left.
      if (people.includes(id)) {
        ended.doubted += 1;
        ended.doubtedByPlace += Number(isByPlace);
      } else {
        directory.delete(id);
        ended.gone += 1;
      }
    }
    absences = missing;
  }
  return ended;
}

/** Lists by the provider clients' own walks; a listing that was slowed down goes on from where it was. */
async function list(
  read: (offset: number) => { readonly items: readonly Listed[]; readonly total: number },
  isByPlace: boolean,
  pageSize: number,
  between: () => void,
): Promise<ReadonlySet<string> | undefined> {
  const kept = new Set<string>();
  let mark: string | undefined;
  for (let attempt = 0; attempt < 4; attempt += 1) {
    if (mark === undefined) kept.clear();
    const progress: Progress = { from: mark, reached: (reached) => (mark = reached), tally: createCount() };
    const walk = isByPlace
      ? countedPages(async (offset) => read(offset), progress)
      : linkedPages(async (next) => {
          const offset = Number(next ?? 0);
          const { items, total } = read(offset);
          const end = offset + pageSize;
          return { items, next: end < total ? String(end) : undefined };
        }, progress);
    try {
      for await (const page of walk) {
        const before = kept.size;
        for (const { id } of page) kept.add(id);
        if (kept.size !== before + page.length) return undefined;
        between();
      }
      return kept;
    } catch (error) {
      if (!(error instanceof ProviderFailure) || error.reason !== "throttled") return undefined;
    }
  }
  return undefined;
}

function comeAndGo(random: Random, people: string[], directory: Map<string, Date>, at: number, round: number): void {
  if (people.length > 1 && random() < 0.3) people.splice(Math.floor(random() * people.length), 1);
  if (random() > 0.3) return;
  const joiner = `j${round}-${at}`;
  people.splice(Math.floor(random() * (people.length + 1)), 0, joiner);
  directory.set(joiner, new Date(at));
}

test(`dozens of listings of a server that lies, on real parts, shut out nobody (seed ${base})`, async () => {
  const people = crowd(13);
  const reasons = new Map<string, number>();
  for (let run = 0; run < (own === undefined ? 16 : 1); run += 1) {
    const random = randomOf(base + run);
    const paging = pick(random, ["index", "cursor"] as const);
    const { tenant, server, pull } = await pullScene(house, people, { paging });
    await createPeople(house, tenant, people);
    let before: Record<string, unknown> | undefined;
    server.meddle((reply, { url }) => {
      if (url.pathname !== "/scim/v2/Users" || random() < 0.6) return reply;
      const body = reply.body as { Resources: readonly unknown[]; totalResults: number };
      const earlier = before;
      before = { ...body };
      return pick(random, [
        () => ({ ...reply, body: { ...body, Resources: body.Resources.slice(1) } }),
        () => ({ ...reply, body: { ...body, Resources: [] } }),
        () => ({ ...reply, body: { ...body, Resources: body.Resources.toReversed() } }),
        () => ({ ...reply, body: { ...body, totalResults: body.totalResults + pick(random, [-5, -1, 1]) } }),
        () => ({ ...reply, body: { ...body, ...earlier } }),
        () => ({ status: 429, headers: { "retry-after": "0" }, body: {} }),
        () => ({ status: 500, body: {} }),
        () => ({ ...reply, cutAt: 60 }),
      ])();
    });
    for (let round = 0; round < 3; round += 1) {
      const { state, reason } = await pull();
      reasons.set(`${state} ${reason ?? ""}`, (reasons.get(`${state} ${reason ?? ""}`) ?? 0) + 1);
    }
    expect((await admitted(house, tenant)).size, `REPLAY='{"seed":${base + run}}' ${paging}`).toBe(people.length);
  }
  console.info("listings of a lying server", base, Object.fromEntries(reasons));
}, 400_000);
