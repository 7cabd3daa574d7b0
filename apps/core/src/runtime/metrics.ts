import { timingSafeEqual } from "node:crypto";
import { collectDefaultMetrics, Counter, Gauge, Histogram, type Metric, Registry } from "prom-client";

export type Labels = Readonly<Record<string, string>>;
export type Sample = { readonly labels: Labels; readonly value: number };

/** A family of gauges whose values are read when somebody asks. */
export type GaugeFamily = { readonly name: string; readonly help: string; readonly labels: readonly string[] };

/** Counts that somebody else has put into buckets already. */
export type BucketCounter = {
  /** `bound` is the least of the family's bounds that is not below what is counted; undefined above all of them. */
  add(labels: Labels, bound: number | undefined, count: number, sum: number): void;
};

/** What Prometheus is told of this process, and of what it watches. No label names a person. */
export type Metrics = {
  readonly contentType: string;
  /** Whether an Authorization header carries the token. */
  admits(authorization: string | undefined): boolean;
  scrape(): Promise<string>;
  observeRequest(
    request: { readonly method: string; readonly route: string; readonly status: number },
    sec: number,
  ): void;
  /** Has values read at most once in `readAgainMs`, whoever asks how often. What cannot be read is left out, and counted. */
  gauges(families: readonly GaugeFamily[], read: () => Promise<ReadonlyMap<string, readonly Sample[]>>): void;
  buckets(family: GaugeFamily, bounds: readonly number[]): BucketCounter;
  /** Adds what somebody else renders in Prometheus' text format, under names of their own. */
  also(render: () => string): void;
};

const readAgainMs = 5_000;
const requestSec = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Metrics of a process of this role, for whoever has the token. */
export function createMetrics(role: string, token: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ role });
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "rollcall_http_request_seconds",
    help: "Answers by method, route and status, and how long they took.",
    labelNames: ["method", "route", "status"],
    buckets: requestSec,
    registers: [registry],
  });
  const failures = new Counter({
    name: "rollcall_metrics_failures_total",
    help: "Readings of what is watched that failed.",
    registers: [registry],
  });
  const readings: (() => Promise<void>)[] = [];
  const renderings: (() => string)[] = [];
  return {
    contentType: registry.contentType,
    admits: (authorization) => isSame(authorization?.replace(/^Bearer +/i, "") ?? "", token),
    scrape: async () => {
      for (const reading of readings) await reading().catch(() => failures.inc());
      return [await registry.metrics(), ...renderings.map((render) => render())].join("\n");
    },
    observeRequest: ({ method, route, status }, sec) => requests.observe({ method, route, status }, sec),
    gauges: (families, read) => void readings.push(readingOf(registry, families, read)),
    buckets: (family, bounds) => bucketCounter(registry, family, bounds),
    also: (render) => void renderings.push(render),
  };
}

function readingOf(
  registry: Registry,
  families: readonly GaugeFamily[],
  read: () => Promise<ReadonlyMap<string, readonly Sample[]>>,
): () => Promise<void> {
  const gauges = new Map(
    families.map(({ name, help, labels }) => [
      name,
      new Gauge({ name, help, labelNames: [...labels], registers: [registry] }),
    ]),
  );
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - readAtMs < readAgainMs) return;
    // What was true before is not told as if it were.
    for (const gauge of gauges.values()) gauge.reset();
    const samples = await read();
    for (const [name, gauge] of gauges)
      for (const { labels, value } of samples.get(name) ?? []) gauge.set({ ...labels }, value);
    readAtMs = performance.now();
  };
}

type Series = { readonly labels: Labels; readonly counts: number[]; sum: number };

/** A histogram whose values come in buckets: prom-client's own takes them one by one. */
function bucketCounter(registry: Registry, { name, help }: GaugeFamily, bounds: readonly number[]): BucketCounter {
  const series = new Map<string, Series>();
  const values = () => [...series.values()].flatMap((one) => valuesOf(name, bounds, one));
  const metric = {
    name,
    help,
    type: "histogram",
    get: () => Promise.resolve({ name, help, type: "histogram", values: values() }),
  };
  // The registry asks of a metric no more than its name and what it says of itself.
  registry.registerMetric(metric as unknown as Metric);
  return {
    add: (labels, bound, count, sum) => {
      const key = JSON.stringify(labels);
      const one = series.get(key) ?? { labels, counts: [...bounds, Number.POSITIVE_INFINITY].map(() => 0), sum: 0 };
      series.set(key, one);
      const at = bound === undefined ? bounds.length : bounds.indexOf(bound);
      if (at === -1) throw new Error(`${name} has no bound ${bound}`);
      one.counts[at] = (one.counts[at] ?? 0) + count;
      one.sum += sum;
    },
  };
}

function valuesOf(name: string, bounds: readonly number[], { labels, counts, sum }: Series) {
  let below = 0;
  const buckets = counts.map((count, at) => {
    below += count;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bounds[at] ?? "+Inf") }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
