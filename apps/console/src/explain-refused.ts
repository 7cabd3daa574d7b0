import {
  DirectoryError,
  type ExplainCode,
  type ExplainedCause,
  explainCauses,
  type Explanation,
  type ExplainQuestion,
  readRefusalLine,
  refusalCauses,
  type RefusalLine,
} from "@rollcall/core/domain";
import {
  findHashedSubject,
  findRefusals,
  houseFeedId,
  type KeptRefusal,
  type RefusalSummary,
  summarizeRefusals,
} from "@rollcall/core/store";
import { aboutSubject, aboutToken, answerTo, type Asking } from "./explain-question.ts";
import type { ExplanationAnswer } from "./explain-shapes.ts";
import { shownRefusal } from "./refusal-view.ts";
import { readToken } from "./token-text.ts";

/** So many kinds of refusals of a span are looked into, the most frequent first. */
const samplesMax = 20;
/** A line's time may be that of the second in which the request ended. */
const aroundMs = 1_500;

/** Why the request that a gateway knows by this id was refused. */
export async function explainRequest(asking: Asking, requestId: string): Promise<ExplanationAnswer> {
  const refusal = await findRefusal(asking, requestId);
  if (refusal === undefined)
    throw new DirectoryError(
      "not_found",
      "no gateway told of a refusal of that id within seven days: see that it reports (feed.report), or ask with its log line, the subject or the token",
    );
  return explainKept(asking, refusal);
}

/** Why a gateway wrote this line. What is in it decides which way it is looked into, the surest first. */
export async function explainLine(asking: Asking, line: string): Promise<ExplanationAnswer> {
  const { token, requestId, reason, iss, sub, at }: RefusalLine = readRefusalLine(line);
  if (token !== undefined) return shown(await answerTo(asking, await aboutToken(asking, token, readToken(token))));
  const told = requestId === undefined ? undefined : await findRefusal(asking, requestId);
  if (told !== undefined) return explainKept(asking, told);
  const refused = reason === undefined ? undefined : { at, gateway: undefined, reason };
  if (refused !== undefined || sub !== undefined)
    return shown(await answerTo(asking, { ...aboutSubject(sub ?? "", iss), sub, refused }));
  if (at !== undefined)
    return explainSpan(asking, new Date(at.getTime() - aroundMs), new Date(at.getTime() + aroundMs));
  throw new DirectoryError(
    "value_invalid",
    "line: nothing in it says what was refused; paste the whole line, with its reason, its request id or its time",
  );
}

/** What was refused in a span of time, and why most of it. */
export async function explainSpan(asking: Asking, from: Date, to: Date): Promise<ExplanationAnswer> {
  const summary = await summarizeRefusals(
    asking.door.database,
    asking.tenantId,
    { from, to, nowMs: asking.door.now() },
    samplesMax,
  );
  const told = { from: from.toISOString(), to: to.toISOString(), ...countedOf(summary) };
  const looked: { readonly sample: Sample; readonly explanation: Explanation }[] = [];
  for (const sample of summary.samples)
    looked.push({ sample, explanation: await answerTo(asking, await questionOf(asking, sample, false), true) });
  const causes = commonCauses(
    summary,
    looked.map(({ sample, explanation }) => ({ sample, code: explanation.verdict.code })),
  );
  const [first] = causes;
  const code: ExplainCode = first?.code ?? "nothing_refused";
  const { sentence, fix } = explainCauses[code];
  // The steps of one refusal for all: the newest of the most frequent that has this cause.
  const example = looked.find(({ explanation }) => explanation.verdict.code === code);
  return {
    verdict: { code, sentence, fix },
    steps: example === undefined ? [] : shown(example.explanation).steps,
    causes,
    refusals: told,
  };
}

type Sample = RefusalSummary["samples"][number];

function countedOf({ total, reasons, subjects, gateways }: RefusalSummary) {
  return { total, reasons: [...reasons], subjects, gateways: [...gateways] };
}

/** How many of all refusals have each cause, as far as those tell that were looked into. */
function commonCauses(
  { reasons }: RefusalSummary,
  looked: readonly { readonly sample: Sample; readonly code: ExplainCode }[],
): ExplainedCause[] {
  const counts = new Map<ExplainCode, number>();
  for (const { reason, count } of reasons) {
    const alike = looked.filter(({ sample }) => sample.reason === reason);
    const kept = alike.reduce((sum, { sample }) => sum + sample.count, 0);
    const fallback = refusalCauses[reason];
    const shares =
      kept > 0
        ? alike.map(({ sample, code }) => ({ code, share: sample.count / kept }))
        : fallback === undefined
          ? []
          : [{ code: fallback, share: 1 }];
    for (const { code, share } of shares) counts.set(code, (counts.get(code) ?? 0) + count * share);
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([code, count]) => ({ code, ...explainCauses[code], count: Math.max(1, Math.round(count)) }));
}

async function explainKept(asking: Asking, refusal: KeptRefusal): Promise<ExplanationAnswer> {
  const question = await questionOf(asking, refusal);
  const answer = await answerTo(asking, question);
  return { ...shown(answer), refusal: shownRefusal(refusal) };
}

async function findRefusal({ door, admin, tenantId }: Asking, requestId: string): Promise<KeptRefusal | undefined> {
  const [own] = await findRefusals(door.database, tenantId, requestId);
  if (own !== undefined || admin.tenantId !== undefined) return own;
  // What nobody could tell whose it was is the house's.
  const [ofHouse] = await findRefusals(door.database, houseFeedId, requestId);
  return ofHouse;
}

/** Whose hash it is takes a look at everybody: worth it for one refusal. */
async function questionOf(asking: Asking, refusal: KeptRefusal, mayLook = true): Promise<ExplainQuestion> {
  const { iss, at, gateway, reason, claims } = refusal;
  const refused = { at, gateway, reason, claims };
  const sub = refusal.sub ?? (mayLook ? await hashedSubject(asking, refusal) : undefined);
  return { token: undefined, iss, sub, subjectClaim: "sub", refused };
}

async function hashedSubject({ door, tenantId }: Asking, { iss, subHash }: KeptRefusal): Promise<string | undefined> {
  if (iss === undefined || subHash === undefined) return undefined;
  const named = { iss, subHash };
  return (
    (await findHashedSubject(door.database, tenantId, tenantId, named)) ??
    (await findHashedSubject(door.database, tenantId, houseFeedId, named))
  );
}

/** Of an answer what is sent: lists of its own. */
export function shown({ verdict, steps, causes }: Explanation): ExplanationAnswer {
  const sent = steps.map(({ gateways, ...step }) =>
    gateways === undefined ? step : { ...step, gateways: [...gateways] },
  );
  return { verdict, steps: sent, causes: [...causes] };
}
