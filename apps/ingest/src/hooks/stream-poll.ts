import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import type { Outward, OutwardReply } from "@rollcall/core/runtime";
import type { PolledStream } from "@rollcall/core/store";
import type { EventIntake } from "./event-intake.ts";
import type { IssuerKeys } from "./issuer-keys.ts";
import { readSet } from "./security-event-token.ts";
import { sentAgain } from "./sent-again.ts";
import { setErrorOf } from "./sources/ssf-push.ts";

export type PollTools = {
  readonly keys: IssuerKeys;
  readonly outward: Outward;
  readonly intake: Pick<EventIntake, "take" | "denies">;
  /** Whether an admin has paused the stream's connection, as of now: a question may have been open for long. */
  readonly isPaused: (stream: PolledStream) => Promise<boolean>;
  readonly now: () => number;
};

export type PollPace = {
  /** So long a transmitter may hold an answer back until it has something to say. */
  readonly waitMs: number;
  /** After so long no further question is begun. */
  readonly turnMs: number;
  /** So many SETs are asked for at once. */
  readonly eventsMax: number;
};

/** What came of a turn: how many SETs said something new, and what the transmitter says of the stream. */
export type PolledTurn = { readonly taken: number; readonly trouble: string | null | undefined };

/** The transmitter answered, and not what RFC 8936 says. */
export class PollFailed extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.name = "PollFailed";
    this.retryAfterMs = retryAfterMs;
  }
}

type Settled = { readonly ack: readonly string[]; readonly setErrs: Readonly<Record<string, JsonObject>> };
type Question = Settled & { readonly maxEvents: number; readonly returnImmediately: boolean };
type Sets = readonly (readonly [string, Json])[];

const nothing: Settled = { ack: [], setErrs: {} };
/** A hundred SETs with what JSON adds. */
const answerBytesMax = 8 * 1024 * 1024;
const acknowledgeMsMax = 5_000;
/** So many times what is asked for at once may be left with a transmitter, and be looked past. */
const heldTimesMax = 10;
const retryAfterMsMax = 3_600_000;

/**
 * Polls a transmitter (RFC 8936) until it has nothing new, or the turn is over. What was committed is
 * acknowledged with the next question, and never before; what cannot be verified or read is said so; and
 * what could not be committed is neither, so that it is given again. So is what a paused connection does
 * not take: its transmitter keeps it, and more is asked for, since a denial may stand behind it. Throws
 * `PollFailed` where the transmitter answers wrongly, and what `ask` throws where it does not answer.
 */
export async function pollStream(
  tools: PollTools,
  stream: PolledStream,
  pace: PollPace,
  signal: AbortSignal,
): Promise<PolledTurn> {
  const endMs = tools.now() + pace.turnMs;
  const isOver = (): boolean => signal.aborted || tools.now() >= endMs;
  let settled = nothing;
  let turn: PolledTurn = { taken: 0, trouble: undefined };
  let failed = false;
  const held = new Set<string>();
  while (!isOver()) {
    const maxEvents = Math.min(pace.eventsMax + held.size, pace.eventsMax * heldTimesMax);
    const question = { maxEvents, returnImmediately: settled !== nothing, ...settled };
    const sets = await ask(tools, stream, question, AbortSignal.any([signal, AbortSignal.timeout(pace.waitMs)]));
    settled = nothing;
    if (sets.length === 0) break;
    // Whoever says more than was asked for is heard as far as they were asked.
    const done = await takeIn(tools, stream, sets.slice(0, maxEvents), isOver);
    ({ settled, failed } = done);
    turn = { taken: turn.taken + done.taken, trouble: done.trouble === undefined ? turn.trouble : done.trouble };
    const { size } = held;
    for (const jti of done.held) held.add(jti);
    // Whoever only repeats themselves is not asked again at once.
    if (failed || (done.taken === 0 && held.size === size)) break;
  }
  if (settled !== nothing)
    await ask(
      tools,
      stream,
      { maxEvents: 0, returnImmediately: true, ...settled },
      AbortSignal.timeout(acknowledgeMsMax),
    );
  if (failed) throw new PollFailed("what it said could not be taken in, and is asked for again");
  return turn;
}

type Done = PolledTurn & { readonly settled: Settled; readonly held: readonly string[]; readonly failed: boolean };
/** What came of one SET; where a part of it is left for later, all of it is given again. */
type TakenIn = PolledTurn & { readonly isHeld: boolean };

/** Takes in what was given, each SET for itself. */
async function takeIn(tools: PollTools, stream: PolledStream, sets: Sets, isOver: () => boolean): Promise<Done> {
  const isPaused = await tools.isPaused(stream);
  const ack: string[] = [];
  const held: string[] = [];
  const refused = new Map<string, JsonObject>();
  let done: PolledTurn = { taken: 0, trouble: undefined };
  let failed = false;
  for (const [jti, set] of sets) {
    // What is not looked at any more is given again.
    if (isOver()) break;
    try {
      const { taken, trouble, isHeld } = await takeOne(tools, stream, { jti, set, isPaused });
      done = { taken: done.taken + taken, trouble: trouble === undefined ? done.trouble : trouble };
      (isHeld ? held : ack).push(jti);
    } catch (error) {
      if (error instanceof DirectoryError && !sentAgain.includes(error.code))
        refused.set(jti, { err: setErrorOf(error), description: error.message });
      else failed = true;
    }
  }
  const isNothing = ack.length === 0 && refused.size === 0;
  return { ...done, failed, held, settled: isNothing ? nothing : { ack, setErrs: Object.fromEntries(refused) } };
}

async function takeOne(
  { keys, intake, now }: PollTools,
  stream: PolledStream,
  { jti, set, isPaused }: { readonly jti: string; readonly set: Json; readonly isPaused: boolean },
): Promise<TakenIn> {
  const receivedAt = new Date(now());
  if (typeof set !== "string") throw new DirectoryError("syntax_invalid", "a SET must be a text");
  const read = await readSet(keys, set, stream, receivedAt);
  // RFC 8936 §2.3: a SET stands under its own jti, else it would be acknowledged in the name of another.
  if (read.jti !== jti) throw new DirectoryError("value_invalid", "the SET has another jti than it stands under");
  const { events, leftOut = [], trouble } = read.delivery;
  const unreadable = leftOut.find(({ code }) => code !== "ignored");
  if (unreadable !== undefined && events.length === 0) throw new DirectoryError("value_invalid", unreadable.detail);
  // What takes access away is taken all the same. Given again with the rest, it counts once.
  const admitted = isPaused ? events.filter(({ event }) => intake.denies(event)) : events;
  const outcomes = await intake.take(stream, admitted, receivedAt);
  const taken = outcomes.some((outcome) => outcome !== "again") ? 1 : 0;
  return { taken, trouble, isHeld: admitted.length < events.length };
}

async function ask(
  { outward, now }: PollTools,
  { settings, secret }: PolledStream,
  { setErrs, ...question }: Question,
  signal: AbortSignal,
): Promise<Sets> {
  const refused = Object.keys(setErrs).length === 0 ? {} : { setErrs };
  const reply = await outward.ask(
    {
      method: "POST",
      url: settings["endpoint"] as string,
      headers: { "content-type": "application/json", accept: "application/json", authorization: `Bearer ${secret}` },
      body: JSON.stringify({ ...question, ...refused }),
      bytesMax: answerBytesMax,
    },
    signal,
  );
  return setsIn(reply, question.maxEvents > 0, now());
}

function setsIn({ status, headers, body }: OutwardReply, isAsked: boolean, nowMs: number): Sets {
  if (status !== 200 && (isAsked || status < 200 || status > 299))
    throw new PollFailed(`the transmitter answered ${status}`, retryAfterMsOf(headers["retry-after"], nowMs));
  if (!isAsked) return [];
  const answer = parsed(body);
  const sets = isObject(answer) ? (answer["sets"] ?? {}) : undefined;
  if (!isObject(sets)) throw new PollFailed("the transmitter's answer holds no sets");
  return Object.entries(sets);
}

function parsed(body: string): Json | undefined {
  try {
    return JSON.parse(body) as Json;
  } catch {
    return undefined;
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterMsOf(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, retryAfterMsMax) : undefined;
}
