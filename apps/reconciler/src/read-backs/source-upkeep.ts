import { createHash } from "node:crypto";
import type { JsonObject, ProviderKind, SourceKind } from "@rollcall/core/domain";
import {
  endUpkeep,
  hurryChanges,
  keepSourceState,
  type KeptSource,
  noteSourceTrouble,
  takeUpkeep,
} from "@rollcall/core/store";
import type { Exchange } from "../providers/exchange.ts";
import { openApi } from "../providers/open-provider.ts";
import { ProviderFailure } from "../providers/provider.ts";
import type { SettingsOf } from "../providers/provider-settings.ts";
import type { Asker, Askers, AskingParts } from "./askers.ts";
import { keepGoogleChannels } from "./google-channels.ts";
import { keepGraphSubscription } from "./graph-subscription.ts";

export type KeepingParts = AskingParts & {
  /** Opens what sources are verified with. */
  readonly sourceKey: Buffer;
  readonly publicUrl: string;
  readonly now: () => number;
};

/** What looks after one kind of subscription. */
export type Subscribing = {
  readonly api: Exchange;
  /** Where its API is. */
  readonly base: URL;
  /** Where it sends to. */
  readonly address: string;
  readonly secret: string;
  /** Tells whether a subscription was made with the present secret, and does not tell the secret. */
  readonly secretDigest: string;
  readonly state: JsonObject;
  /** Remembers a state at once: what was made there must not be forgotten here. */
  keep(state: JsonObject): Promise<void>;
  readonly newId: () => string;
  readonly now: () => number;
  readonly signal: AbortSignal;
};

export type Kept = {
  /** When to look after it again. */
  readonly nextMs: number;
  /** Whether something may have happened that nobody was told of. */
  readonly mayHaveMissed: boolean;
};

type ApiSettings = SettingsOf<"microsoft-graph" | "google-directory">;
type Keeping = {
  readonly provider: ApiSettings["kind"] & ProviderKind;
  keep(subscribing: Subscribing, settings: ApiSettings): Promise<Kept>;
};

/** Which sources are looked after, and whose API makes their subscriptions. */
const kept: { readonly [Kind in SourceKind]?: Keeping } = {
  graph: { provider: "microsoft-graph", keep: keepGraphSubscription },
  google: {
    provider: "google-directory",
    keep: (subscribing, settings) =>
      keepGoogleChannels(subscribing, settings.kind === "google-directory" ? settings.customer : ""),
  },
};

const heldMs = 120_000;
const againMs = 300_000;

/** Renews what a source's sender sends by, before it ends. */
export async function keepSource(
  parts: KeepingParts,
  askers: Askers,
  tenantId: string,
  sourceId: string,
): Promise<number> {
  const { database, newId, closing } = parts;
  const source = await takeUpkeep(database, parts.sourceKey, tenantId, sourceId, heldMs);
  if (source === undefined) return 0;
  const { connection } = source;
  const note = (trouble: string | null): Promise<void> =>
    noteSourceTrouble(database, tenantId, { id: sourceId, connectionId: connection.id }, trouble, newId());
  try {
    const { nextMs, mayHaveMissed } = await renew(parts, askers, tenantId, source);
    await note(null);
    await endUpkeep(database, tenantId, sourceId, nextMs);
    if (mayHaveMissed) await hurryChanges(database, tenantId, connection.id);
  } catch (error) {
    if (closing.aborted) return 0;
    if (!(error instanceof ProviderFailure)) throw error;
    await note(`${error.reason}: ${error.message}`);
    const nextMs = Math.max((error.retryAfterSec ?? 0) * 1_000, againMs * (0.5 + Math.random() / 2));
    await endUpkeep(database, tenantId, sourceId, nextMs);
  }
  return 0;
}

async function renew(parts: KeepingParts, askers: Askers, tenantId: string, source: KeptSource): Promise<Kept> {
  const keeping = kept[source.kind];
  if (keeping === undefined) throw new Error(`no upkeep is known for a source of kind ${source.kind}`);
  const { database, outward, newId, now, publicUrl, closing } = parts;
  const settings = settingsFor(keeping, await askers.open(tenantId, source.connection.id));
  const { secret } = source;
  const subscribing = {
    api: openApi(settings.settings, settings.secret, { outward, newId }),
    base: new URL(settings.settings.url),
    address: `${publicUrl}/hooks/${source.id}`,
    secret,
    secretDigest: createHash("sha256").update(secret).digest("base64url"),
    state: source.state,
    keep: (state: JsonObject) => keepSourceState(database, tenantId, source.id, state),
    newId,
    now,
    signal: AbortSignal.any([closing, AbortSignal.timeout(heldMs / 2)]),
  };
  return keeping.keep(subscribing, settings.settings);
}

function settingsFor(
  { provider }: Keeping,
  asker: Asker | undefined,
): { readonly settings: ApiSettings; readonly secret: string } {
  const settings = asker?.settings;
  const isOther = settings?.kind !== "microsoft-graph" && settings?.kind !== "google-directory";
  if (asker === undefined || isOther || settings.kind !== provider)
    throw new ProviderFailure(
      "forbidden",
      `nobody can subscribe: set the connection's provider, rollcall provider set <connection> --kind ${provider}`,
    );
  return { settings, secret: asker.secret };
}
