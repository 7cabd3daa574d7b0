import type { ExplainCode } from "@rollcall/core/domain";
import { annSub, type Explained, type ExplainScene, must, openExplain } from "../harness/explain-scene.ts";
import type { House } from "../harness/house.ts";

export type Row = {
  /** Brings the cause about, and asks. */
  readonly ask: () => Promise<Explained>;
  /** The cause that decides in its place, where this one is told and does not. */
  readonly verdict?: ExplainCode;
  readonly evidence: RegExp;
};
type Ask = Row["ask"];

export async function asked(scene: ExplainScene, question: object, asOperator = false): Promise<Explained> {
  const { status, body } = await scene.ask(question, asOperator);
  must(status, 200);
  return body;
}

/** A token of Ann's that says something else in one place. */
export const token =
  (house: House, claims: Record<string, unknown>, header: object = {}): Ask =>
  async () => {
    const scene = await openExplain(house);
    return asked(scene, { token: await scene.issuer.mint({ sub: annSub, ...claims }, { header }) });
  };

export const subject =
  (house: House, sub: string): Ask =>
  async () => {
    const scene = await openExplain(house);
    return asked(scene, { sub, iss: scene.issuer.origin });
  };

export const refusal =
  (house: House, reason: string, more: object = {}): Ask =>
  async () => {
    const scene = await openExplain(house);
    return asked(scene, { requestId: await scene.refuse(reason, more) });
  };
