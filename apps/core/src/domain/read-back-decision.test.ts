import { describe, expect, test } from "vitest";
import type { UserAttributes } from "./directory.ts";
import type { ReadBackRules } from "./provider-kinds.ts";
import { type AskedQuestion, decideReadBack, type ProviderAnswer, type ReadUser } from "./read-back-decision.ts";

const askedAt = new Date("2026-01-02T03:04:05.000Z");
const earlier = new Date("2026-01-01T00:00:00.000Z");
const question: AskedQuestion = { askedAt, absentSince: undefined, apartMs: 60_000 };
const again: AskedQuestion = { ...question, absentSince: new Date(askedAt.getTime() - 60_000) };
const rules: ReadBackRules = { idAttribute: "externalId", creates: false, lifts: "own", takes: "all" };
const held: UserAttributes = { userName: "ann", externalId: "1", active: true, title: "Chief" };
const user: ReadUser = {
  attributes: held,
  deleted: false,
  statedAt: undefined,
  updatedAt: earlier,
  createdAt: earlier,
  isNewer: false,
  shutOutBy: undefined,
};
const out: ReadUser = { ...user, attributes: { ...held, active: false }, shutOutBy: "other" };
const dead: ReadUser = { ...out, deleted: true };
const said = (attributes: Partial<UserAttributes>): ProviderAnswer => ({
  kind: "found",
  id: "1",
  attributes: { userName: "ann", externalId: "1", active: true, ...attributes } as UserAttributes,
});
const absent: ProviderAnswer = { kind: "absent", by: "id" };
const nameless: ProviderAnswer = { kind: "absent", by: "name" };

describe("an answer", () => {
  test.each([
    ["of somebody who has left shuts them out", said({ active: false }), user, { ...held, active: false }],
    ["of somebody whom an event shut out lets them in", said({}), out, held],
    ["lets nobody in whom SCIM shut out", said({}), { ...out, shutOutBy: "scim" as const }, { ...held, active: false }],
    ["takes nothing away that it does not carry", said({ displayName: "Ann" }), user, { ...held, displayName: "Ann" }],
    [
      "keeps values that are the same in other words",
      said({ emails: [{ value: "a@b" }] }),
      withEmail(),
      withEmail().attributes,
    ],
    [
      "replaces values that are others",
      said({ emails: [{ value: "c@d" }] }),
      withEmail(),
      { ...held, emails: [{ value: "c@d" }] },
    ],
  ])("%s", (_name, answer, about, attributes) => {
    expect(decideReadBack(answer, about, question, rules).write).toMatchObject({ kind: "attributes", attributes });
  });

  test("is as new as its question, for each attribute that it carries", () => {
    const { write } = decideReadBack(
      said({ displayName: "Ann" }),
      { ...user, attributeTimes: { title: 1 } },
      question,
      rules,
    );
    const at = askedAt.getTime();
    expect(write).toMatchObject({ times: { title: 1, displayName: at, userName: at, externalId: at } });
  });

  test("does nothing where anything was said since its question, and is asked for again", () => {
    for (const answer of [said({}), said({ active: false }), absent])
      for (const about of [user, out, dead])
        expect(decideReadBack(answer, { ...about, isNewer: true }, question, rules)).toEqual({
          write: undefined,
          outcome: "stale",
          again: "soon",
        });
  });

  test("keeps our externalId where the directory does not know the provider's ids", () => {
    const { write } = decideReadBack(said({ externalId: "oid" }), user, question, { ...rules, idAttribute: "none" });
    expect(write).toMatchObject({ attributes: { externalId: "1" } });
  });

  test("of a stranger creates only the living, and only where it may", () => {
    const creating = { ...rules, creates: true };
    expect(decideReadBack(said({}), undefined, question, rules).outcome).toBe("unmatched");
    expect(decideReadBack(said({ active: false }), undefined, question, creating).outcome).toBe("unmatched");
    expect(decideReadBack(absent, undefined, question, creating).outcome).toBe("unmatched");
    expect(decideReadBack(said({}), undefined, question, creating).outcome).toBe("created");
  });

  test("brings the dead back only under the very same id, alive, and where it may", () => {
    expect(decideReadBack(said({}), dead, question, rules).write?.kind).toBe("create");
    expect(decideReadBack({ ...said({}), id: "2" } as ProviderAnswer, dead, question, rules).outcome).toBe("withheld");
    expect(decideReadBack(said({}), dead, question, { ...rules, idAttribute: "none" }).outcome).toBe("withheld");
    expect(decideReadBack(said({ active: false }), dead, question, rules).write).toBe(undefined);
    expect(decideReadBack(said({}), { ...dead, shutOutBy: "scim" }, question, rules).outcome).toBe("withheld");
    expect(decideReadBack(said({}), { ...dead, shutOutBy: "scim" }, question, { ...rules, lifts: "all" }).outcome).toBe(
      "created",
    );
  });
});

describe("that there is nobody", () => {
  test("shuts out at once and is asked again; said again a while later it is death", () => {
    expect(decideReadBack(absent, user, question, rules)).toMatchObject({
      write: { kind: "attributes", attributes: { active: false } },
      again: "later",
    });
    expect(decideReadBack(absent, out, again, rules)).toMatchObject({ write: { kind: "delete" }, again: undefined });
    const tooSoon = { ...again, absentSince: new Date(askedAt.getTime() - 59_999) };
    expect(decideReadBack(absent, out, tooSoon, rules)).toMatchObject({ write: { kind: "confirm" }, again: "later" });
  });

  test("of a name is never death: it may have gone to somebody else", () => {
    expect(decideReadBack(nameless, out, again, rules)).toMatchObject({ write: { kind: "confirm" }, again: undefined });
  });

  test("of somebody who was created just now is believed when it is said again", () => {
    const young = { ...user, createdAt: new Date(askedAt.getTime() - 1_000) };
    expect(decideReadBack(absent, young, question, rules)).toEqual({
      write: undefined,
      outcome: "absent",
      again: "later",
    });
    expect(decideReadBack(absent, young, again, rules)).toMatchObject({ write: { kind: "delete" } });
  });

  test("of the dead is nothing new", () => {
    expect(decideReadBack(absent, dead, question, rules)).toEqual({
      write: undefined,
      outcome: "unchanged",
      again: undefined,
    });
  });
});

function withEmail(): ReadUser {
  return { ...user, attributes: { ...held, emails: [{ value: "a@b", type: "work", primary: true }] } };
}
