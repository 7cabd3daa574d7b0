import { clientSettingsOf, type ProviderKind, readBackRulesOf } from "@rollcall/core/domain";
import type { Logger, Outward } from "@rollcall/core/runtime";
import {
  type AnswerOrigin,
  type Database,
  findConnection,
  noteProviderAnswer,
  noteProviderFailure,
  openedProvider,
} from "@rollcall/core/store";
import { openProvider } from "../providers/open-provider.ts";
import { type Provider, ProviderFailure } from "../providers/provider.ts";
import { type ProviderSettings, providerSettings } from "../providers/provider-settings.ts";
import type { ReadBackPace } from "./read-back-pace.ts";

/** Whoever asks providers: what they are opened with, and what follows from their answers. */
export type AskingParts = {
  readonly database: Database;
  readonly outward: Outward;
  /** Opens what providers are asked with. */
  readonly providerKey: Buffer;
  readonly log: Logger;
  readonly newId: () => string;
  /** Tells the workers that these lanes have work. */
  readonly wake: (lanes: readonly number[], denying: boolean) => void;
  readonly pace: ReadBackPace;
  /** Ends what is under way when the process ends. */
  readonly closing: AbortSignal;
};

/** One connection's provider, ready to be asked, with how it has behaved. */
export type Asker = {
  readonly kind: ProviderKind;
  readonly provider: Provider;
  /** As its client was opened with, for what else is asked of the same API; undefined where they open none. */
  readonly settings: ProviderSettings | undefined;
  readonly secret: string;
  readonly mark: string | undefined;
  readonly version: string;
  readonly origin: AnswerOrigin;
  /** Whether it is left alone just now. */
  isPaused(): boolean;
  /** It has answered. */
  answered(): Promise<void>;
  /** It has failed; answers how long it is left alone, or that only this question was at fault. */
  failed(failure: ProviderFailure): Promise<number | undefined>;
};

export type Askers = {
  /** Undefined where the connection has no provider. Where its settings open none, each question fails. */
  open(tenantId: string, connectionId: string): Promise<Asker | undefined>;
};

type Opened = {
  readonly version: string;
  readonly provider: Provider;
  readonly settings: ProviderSettings | undefined;
  failures: number;
  pausedUntilMs: number;
  answerNotedMs: number;
};

const openedMax = 500;
/** When it last answered is kept to this: not every answer is worth a write. */
const notedEveryMs = 10_000;
/** They concern whoever is asked about, not the provider. */
const ofOneQuestion: ReadonlySet<string> = new Set(["malformed", "incomplete", "expired"]);
/** Waiting helps nobody. */
const forPeople: ReadonlySet<string> = new Set(["unauthenticated", "forbidden"]);

/** Opens each connection's provider once for as long as its settings stand: its client keeps the pace and the breaker. */
export function createAskers(parts: AskingParts): Askers {
  const { database, providerKey } = parts;
  const opened = new Map<string, Opened>();

  return {
    open: async (tenantId, connectionId) => {
      const [found, connection] = await Promise.all([
        openedProvider(database, providerKey, tenantId, connectionId),
        findConnection(database, tenantId, connectionId),
      ]);
      if (found === undefined || connection === undefined) {
        opened.delete(connectionId);
        return undefined;
      }
      const { kind, secret, mark, version } = found;
      const known = opened.get(connectionId);
      const own = known?.version === version ? known : { ...begin(parts, kind, found), version };
      // The latest asked for stands last; of the others the oldest is opened anew when it is needed.
      opened.delete(connectionId);
      opened.set(connectionId, own);
      const [oldest] = opened.keys();
      if (opened.size > openedMax && oldest !== undefined) opened.delete(oldest);
      const origin = { connection, rules: readBackRulesOf(found.settings) };
      return { kind, secret, mark, version, origin, ...standingOf(parts, tenantId, connectionId, own) };
    },
  };
}

function begin(
  { outward, newId }: AskingParts,
  kind: ProviderKind,
  { settings, secret }: { readonly settings: Parameters<typeof clientSettingsOf>[1]; readonly secret: string },
): Omit<Opened, "version"> {
  const fresh = { failures: 0, pausedUntilMs: 0, answerNotedMs: 0 };
  const read = providerSettings.safeParse(clientSettingsOf(kind, settings));
  if (!read.success) {
    const wrong = read.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join(", ");
    const failure = new ProviderFailure("forbidden", `its settings cannot be used: ${wrong}`);
    return { ...fresh, provider: unusable(failure), settings: undefined };
  }
  try {
    return { ...fresh, provider: openProvider(read.data, secret, { outward, newId }), settings: read.data };
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    return { ...fresh, provider: unusable(error), settings: undefined };
  }
}

/** One that fails with every question, for a reason that only a person can end. */
function unusable(failure: ProviderFailure): Provider {
  return {
    readUser: () => Promise.reject(failure),
    listUsers: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(failure) }) }),
  };
}

function standingOf(
  { database, pace, newId, log }: AskingParts,
  tenantId: string,
  connectionId: string,
  own: Opened,
): Pick<Asker, "provider" | "settings" | "isPaused" | "answered" | "failed"> {
  const isPaused = (): boolean => performance.now() < own.pausedUntilMs;
  return {
    provider: own.provider,
    settings: own.settings,
    isPaused,
    answered: async () => {
      const isNoted =
        own.failures === 0 && own.answerNotedMs > 0 && performance.now() - own.answerNotedMs < notedEveryMs;
      own.failures = 0;
      own.pausedUntilMs = 0;
      if (isNoted) return;
      own.answerNotedMs = performance.now();
      await noteProviderAnswer(database, tenantId, connectionId);
    },
    failed: async (failure) => {
      const error = `${failure.reason}: ${failure.message}`.slice(0, 500);
      const alertAfterMs = forPeople.has(failure.reason) ? 0 : pace.alertAfterMs;
      own.answerNotedMs = 0;
      if (!isPaused() && !ofOneQuestion.has(failure.reason)) {
        own.failures += 1;
        own.pausedUntilMs = performance.now() + pauseMs(pace, own.failures, failure.retryAfterSec);
        log.warn({ connection: connectionId, reason: failure.reason }, "a provider could not be asked");
      }
      await noteProviderFailure(database, tenantId, connectionId, { error, alertAfterMs, alertId: newId() });
      return ofOneQuestion.has(failure.reason) ? undefined : Math.max(own.pausedUntilMs - performance.now(), 0);
    },
  };
}

/** Doubles, and its jitter keeps processes apart; what the provider asks for goes before it. */
function pauseMs({ pauseMsMin, pauseMsMax }: ReadBackPace, failures: number, retryAfterSec = 0): number {
  const backOffMs = Math.min(pauseMsMin * 2 ** Math.min(failures - 1, 20), pauseMsMax) * (0.5 + Math.random() / 2);
  return Math.max(backOffMs, retryAfterSec * 1_000);
}
