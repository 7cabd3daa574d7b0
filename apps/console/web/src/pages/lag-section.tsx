import { lazy, Suspense } from "react";
import { type LagHistory, stageNames, stages } from "../api/overview.ts";
import { withQuery } from "../api/request.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked, Waiting } from "../parts/asked.tsx";
import { Unknown } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Section } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { Tabs, useTab } from "../parts/tabs.tsx";
import { Moment, Span } from "../parts/time.tsx";
import { figure } from "../parts/words.ts";

// The drawing comes after everything that is read.
const LagChart = lazy(async () => ({ default: (await import("./lag-chart.tsx")).LagChart }));

const windows = [
  ["1h", "Last hour"],
  ["1d", "Last day"],
  ["7d", "Last week"],
] as const;
const asked = {
  "1h": { windowSec: 3_600, stepSec: 60 },
  "1d": { windowSec: 86_400, stepSec: 1_800 },
  "7d": { windowSec: 604_800, stepSec: 10_800 },
} as const;

/** Lag over time, as a drawing and as the figures that it is made of. */
export function LagSection() {
  const chosen = useTab("lag", windows);
  const history = useAnswer<LagHistory>("lag", withQuery("/lag/history", asked[chosen]), { keep: true });
  return (
    <Section title="Lag" aside={<Tabs name="lag" label="Over which time" choices={windows} />}>
      <Asked query={history} lines={6}>
        {(seen) =>
          seen.points.some(measured) ? (
            <>
              <Suspense fallback={<Waiting lines={6} />}>
                <LagChart history={seen} />
              </Suspense>
              <Figures history={seen} />
            </>
          ) : (
            <Empty title="Nothing has passed in this time">
              <p>So nothing was measured, which is not the same as no lag.</p>
            </Empty>
          )
        }
      </Asked>
    </Section>
  );
}

type Point = LagHistory["points"][number];

function measured({ stages: passed, occurredUnknown }: Point): boolean {
  return occurredUnknown > 0 || stages.some((stage) => (passed[stage]?.count ?? 0) > 0);
}

function Figures({ history }: { readonly history: LagHistory }) {
  return (
    <details className="details">
      <summary>The figures</summary>
      <Table<Point>
        label="99 of 100 took at most, stage by stage"
        rows={history.points.filter(measured).toReversed()}
        rowKey={({ at }) => at}
        columns={[
          { head: "From", cell: ({ at }) => <Moment at={at} /> },
          ...stages.map((stage) => ({
            head: `${stageNames[stage].from} → ${stageNames[stage].to}`,
            kind: "figure" as const,
            cell: ({ stages: passed }: Point) =>
              (passed[stage]?.count ?? 0) === 0 ? <Unknown>none</Unknown> : <Span ms={passed[stage]?.p99Ms} />,
          })),
          { head: "Time of origin unknown", kind: "figure", cell: ({ occurredUnknown }) => figure(occurredUnknown) },
        ]}
      />
    </details>
  );
}
