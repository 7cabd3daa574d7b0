import { lagBounds } from "@rollcall/core/domain";
import type { GaugeFamily, Metrics, Sample } from "@rollcall/core/runtime";
import { type Database, type Folded, type HouseStatus, noConnectionId, readHouseStatus } from "@rollcall/core/store";

export type HouseMetrics = {
  /** Counts what was folded, so that Prometheus has lag as a histogram of its own. */
  readonly onFolded: (folded: readonly Folded[]) => void;
};

/** So many tenants, and so many connections, have labels of their own: the others are counted together. */
const labelsMax = 100;
const otherLabel = "other";

/** Enough to see by, and few enough for Prometheus; each is a bound of what is stored. */
const bounds = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 1_000_000];
const lagFamily: GaugeFamily = {
  name: "rollcall_lag_seconds",
  help: "How long each stage took, of everything that passed it while this process led.",
  labels: ["tenant", "connection", "stage"],
};
const unknownFamily = "rollcall_lag_unknown";

const tenantFamilies = [
  ["rollcall_events_waiting", "Events that are accepted and not applied.", "waiting"],
  ["rollcall_denials_waiting", "Those of them that may take access away.", "denialsWaiting"],
  ["rollcall_dead_letters", "Events that were given up and wait for a person.", "deadLetters"],
  ["rollcall_gateways_following", "Gateways that can be counted on.", "gatewaysFollowing"],
  ["rollcall_gateways_blind", "Gateways that were heard within the hour and cannot be counted on.", "gatewaysBlind"],
  ["rollcall_feed_age_seconds", "How old what the feed is complete to is.", "feedAgeSec"],
] as const;

/** Tells Prometheus what waits, who follows and how quick it is, of the whole house. Any process that can read the database may. */
export function watchHouse(metrics: Metrics, database: Database, staleSec: number): HouseMetrics {
  const lag = metrics.buckets(
    lagFamily,
    bounds.map((ms) => ms / 1_000),
  );
  const names = createNames();
  const unknown = new Map<string, Sample>();
  // What was folded before anybody had read the names waits for them.
  let unnamed: Folded[] = [];

  function count(folded: readonly Folded[]): void {
    for (const { tenantId, connectionId, stage, bucket, count: number, sumMs } of folded) {
      const labels = { tenant: names.tenant(tenantId), connection: names.connection(connectionId), stage };
      if (bucket >= 0) lag.add(labels, boundOf(bucket), number, sumMs / 1_000);
      else {
        const key = JSON.stringify(labels);
        unknown.set(key, { labels, value: (unknown.get(key)?.value ?? 0) + number });
      }
    }
  }
  metrics.gauges(
    [
      ...tenantFamilies.map(([name, help]) => ({ name, help, labels: ["tenant"] })),
      { name: "rollcall_alerts_open", help: "Alerts that are open.", labels: ["kind", "level"] },
      { name: unknownFamily, help: "What passed a stage at a distance that nobody knows.", labels: lagFamily.labels },
    ],
    async () => {
      const status = await readHouseStatus(database, staleSec, [...new Set(unnamed.map((one) => one.connectionId))]);
      names.learn(status);
      count(unnamed);
      unnamed = [];
      return samplesOf(status, names, [...unknown.values()]);
    },
  );
  return {
    onFolded: (folded) => {
      const told = folded.filter(({ stage }) => stage.includes("To") && !/^(?:joiner|leaver)/.test(stage));
      count(told.filter((one) => names.knows(one)));
      // Nobody may ever ask: what is not named by then is counted together.
      unnamed.push(...told.filter((one) => !names.knows(one)));
      if (unnamed.length > 10_000) {
        count(unnamed);
        unnamed = [];
      }
    },
  };
}

type Names = ReturnType<typeof createNames>;

/** Slugs by ids, as many as have labels of their own; who had one keeps it. */
function createNames() {
  const tenants = new Map<string, string>();
  const connections = new Map<string, string>([[noConnectionId, "none"]]);
  return {
    learn: (status: HouseStatus): void => {
      for (const { tenantId, slug } of status.tenants) if (tenants.size < labelsMax) tenants.set(tenantId, slug);
      for (const [id, slug] of status.connections) if (connections.size <= labelsMax) connections.set(id, slug);
    },
    knows: ({ tenantId, connectionId }: Folded): boolean => tenants.has(tenantId) && connections.has(connectionId),
    tenant: (id: string): string => tenants.get(id) ?? otherLabel,
    connection: (id: string): string => connections.get(id) ?? otherLabel,
  };
}

function samplesOf(
  status: HouseStatus,
  names: Names,
  unknown: readonly Sample[],
): ReadonlyMap<string, readonly Sample[]> {
  const byLabel = [...Map.groupBy(status.tenants, ({ tenantId }) => names.tenant(tenantId))];
  const families = tenantFamilies.map(([name, , field]): [string, readonly Sample[]] => [
    name,
    byLabel.map(([tenant, own]) => {
      const values = own.map((one) => one[field]);
      // Ages do not add up: of several the oldest tells.
      const value = field === "feedAgeSec" ? Math.max(...values) : values.reduce((sum, one) => sum + one, 0);
      return { labels: { tenant }, value };
    }),
  ]);
  const alerts = status.openAlerts.map(({ kind, level, count }) => ({
    labels: { kind, level: String(level) },
    value: count,
  }));
  return new Map([...families, ["rollcall_alerts_open", alerts], [unknownFamily, unknown]]);
}

/** The least of the told bounds, in seconds, that is not below a bucket. */
function boundOf(bucket: number): number | undefined {
  const high = lagBounds[bucket] ?? Number.POSITIVE_INFINITY;
  const bound = bounds.find((ms) => ms >= high);
  return bound === undefined ? undefined : bound / 1_000;
}
