import { setTimeout as delay } from "node:timers/promises";
import type { EntryFollower, RevocationEntry } from "@rollcall/guard/entries";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { type BundleName, createOpaBundles, type OpaBundles } from "./opa-bundles.ts";

export type OpaAgentOptions = {
  readonly follow: (onChange: (entries: readonly RevocationEntry[] | undefined) => void) => EntryFollower;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

export type OpaAgent = {
  /** OPA's bundle service API, for the OPA beside it. */
  readonly routes: FastifyPluginAsync;
  start(): Promise<void>;
  close(): Promise<void>;
};

const tickMs = 1_000;
const waitSecMax = 60;
const bundleType = "application/vnd.openpolicyagent.bundles";

/** Follows a feed and serves it as OPA's bundles, with long polling. */
export function createOpaAgent({ follow, now, onError }: OpaAgentOptions): OpaAgent {
  const closing = new AbortController();
  const news = createBell();
  let wake = new AbortController();
  let refreshing: Promise<void> = Promise.resolve();
  const follower = follow((entries) => {
    if (entries?.length === 0) return;
    bundles.changed();
    wake.abort();
  });
  const bundles = createOpaBundles({ follower, now });

  async function refresh(): Promise<void> {
    while (!closing.signal.aborted) {
      wake = new AbortController();
      await bundles.refresh().catch((error: Error) => onError(error));
      news.ring();
      await delay(tickMs, undefined, { signal: AbortSignal.any([wake.signal, closing.signal]) }).catch(() => {});
    }
    news.ring();
  }
  const confirm = (tag: string): void => {
    bundles.confirm(tag);
    wake.abort();
  };
  return {
    routes: async (app) => {
      // A poll that waits must not hold up whoever stops the process.
      app.addHook("preClose", async () => {
        closing.abort();
        news.ring();
      });
      for (const name of ["revocations", "state"] as const)
        app.get(`/bundles/${name}.tar.gz`, (request, reply) =>
          answer({ bundles, news, confirm, signal: closing.signal }, name, request, reply),
        );
    },
    start: async () => {
      const ready = follower.start();
      refreshing = refresh();
      await ready;
    },
    close: async () => {
      closing.abort();
      await Promise.all([refreshing, follower.close()]);
    },
  };
}

type Service = {
  readonly bundles: OpaBundles;
  readonly news: ReturnType<typeof createBell>;
  readonly confirm: (tag: string) => void;
  readonly signal: AbortSignal;
};

async function answer(
  { bundles, news, confirm, signal }: Service,
  name: BundleName,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const [, known] = /^"([\w-]+)"$/.exec(request.headers["if-none-match"] ?? "") ?? [];
  if (name === "revocations" && known !== undefined) confirm(known);
  const endsAtMs = performance.now() + 1_000 * waitSecOf(request);
  // RFC 7240 §4.3: OPA says how long it will wait for news.
  for (;;) {
    const bundle = bundles.bundle(name);
    const leftMs = endsAtMs - performance.now();
    const isNews = bundle !== undefined && bundle.tag !== known;
    if (!isNews && leftMs > 0 && !signal.aborted && !reply.raw.destroyed) {
      await news.wait(leftMs);
      continue;
    }
    reply.header("cache-control", "no-store").type(bundleType);
    if (bundle === undefined) return reply.code(503).header("retry-after", "1").send();
    reply.header("etag", `"${bundle.tag}"`);
    return isNews ? reply.send(bundle.body) : reply.code(304).send();
  }
}

function waitSecOf(request: FastifyRequest): number {
  const prefer = request.headers["prefer"];
  const [, sec] = /(?:^|[;,\s])wait=(\d{1,4})(?:$|[;,\s])/.exec(typeof prefer === "string" ? prefer : "") ?? [];
  return Math.min(Number(sec ?? 0), waitSecMax);
}

/** Wakes everybody who waits. */
function createBell(): { ring(): void; wait(ms: number): Promise<void> } {
  const waiting = new Set<() => void>();
  return {
    ring: () => {
      for (const go of waiting) go();
    },
    wait: (ms) =>
      new Promise((resolve) => {
        const go = (): void => {
          clearTimeout(timer);
          waiting.delete(go);
          resolve();
        };
        const timer = setTimeout(go, ms);
        waiting.add(go);
      }),
  };
}
