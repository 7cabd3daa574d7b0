import { type ExplainCode, explainCauses, explainSteps, refusalCauses } from "@rollcall/core/domain";
import { refusalReasons } from "@rollcall/guard";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { eager } from "../harness/read-back-scene.ts";
import { gatewayRows } from "./explain-gateway-rows.ts";
import type { Row } from "./explain-rows.ts";
import { tokenRows } from "./explain-token-rows.ts";
import { idleHouse, userRows } from "./explain-user-rows.ts";

const house = await openHouse({ readBacks: eager });
const idle = idleHouse(await openHouse({ without: ["worker"] }));

/** How each cause comes about; a new one without a row is a type error. */
const rows = { ...tokenRows(house), ...userRows(house, idle), ...gatewayRows(house) } satisfies Record<
  ExplainCode,
  Row
>;

describe("every cause, brought about on real parts, is named at its step, with what was seen and what to do", () => {
  test.each(Object.entries(rows) as [ExplainCode, Row][])("%s", async (code, { ask, verdict = code, evidence }) => {
    const { verdict: told, steps, causes } = await ask();
    expect(told, JSON.stringify(steps)).toEqual({
      code: verdict,
      sentence: explainCauses[verdict].sentence,
      fix: explainCauses[verdict].fix,
    });
    if (code === "ok" || code === "nothing_refused") return expect(causes).toEqual([]);
    const { step, fix } = explainCauses[code];
    expect(steps, JSON.stringify(steps)).toContainEqual({
      ...steps.find((one) => one.code === code),
      step,
      status: expect.stringMatching(/^(?:problem|unknown)$/) as string,
      code,
      fix,
      evidence: expect.stringMatching(evidence) as string,
    });
    expect(causes).toContainEqual({ code, ...explainCauses[code] });
  });

  test("there is no cause without a row, nor a step without a cause", () => {
    expect(Object.keys(rows).toSorted()).toEqual(Object.keys(explainCauses).toSorted());
    const steps = Object.values(explainCauses).map(({ step }) => step);
    expect(new Set(steps)).toEqual(new Set(Object.keys(explainSteps)));
  });

  test("every reason that a guard can give has a cause", () => {
    expect(Object.keys(refusalCauses).toSorted()).toEqual(Object.keys(refusalReasons).toSorted());
  });

  test("what to do is one thing to do", () => {
    for (const { sentence, fix } of Object.values(explainCauses)) {
      expect(sentence).toMatch(/^[A-Z].*\.$/);
      expect(fix).toMatch(/^[A-Z].*\.$/s);
      expect(fix).not.toMatch(/\n/);
    }
  });
});
