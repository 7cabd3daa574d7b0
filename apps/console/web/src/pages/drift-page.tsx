import { useState } from "react";
import { type Drift, type DriftKind, driftKinds, driftWords, isOver, type Resync, sumOf } from "../api/runs.ts";
import { useMay } from "../api/tenant.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page, Section } from "../parts/page.tsx";
import { Tabs, useTab } from "../parts/tabs.tsx";
import { When } from "../parts/time.tsx";
import { figure } from "../parts/words.ts";
import { DifferenceList } from "./difference-list.tsx";
import { NewResync } from "./new-resync.tsx";
import { RunStanding } from "./run-standing.tsx";

const views = [
  ["runs", "Runs"],
  ["open", "Open differences"],
] as const;

/** Where the user store is not what the directory says, and the runs that found and healed it. */
export function DriftPage() {
  const mayStart = useMay("operator");
  const view = useTab("view", views);
  const [starting, setStarting] = useState(false);
  const drift = useAnswer<Drift>("drift", "/drift");
  const start = (
    <button type="button" className="button primary" onClick={() => setStarting(true)}>
      Compare or resync
    </button>
  );
  return (
    <Page
      title="Drift and resync"
      lead="Whether the application believes what the identity provider says."
      actions={mayStart && start}
    >
      <Section
        title="Open drift"
        aside={
          drift.data?.comparedAt && (
            <span className="quiet">
              compared <When at={drift.data.comparedAt} />
            </span>
          )
        }
      >
        <Asked query={drift}>{(seen) => <OpenDrift drift={seen} />}</Asked>
      </Section>
      <Tabs name="view" label="What to look at" choices={views} />
      {view === "runs" ? <Runs /> : <DifferenceList path="/drift/differences" topic="drift" />}
      {starting && <NewResync onClose={() => setStarting(false)} />}
    </Page>
  );
}

function OpenDrift({ drift: { comparedAt, open } }: { readonly drift: Drift }) {
  const isCompared = comparedAt !== null && comparedAt !== undefined;
  // Whoever has looked at a part of the tenant may have found something all the same.
  if (sumOf(open) === 0)
    return isCompared ? (
      <Mark standing="in">None: the user store is what the directory says.</Mark>
    ) : (
      <Empty title="Nothing was compared yet, so nobody can say" />
    );
  return (
    <ul className="counts">
      {driftKinds
        .filter((kind) => (open[kind] ?? 0) > 0)
        .map((kind) => (
          <OpenKind key={kind} kind={kind} count={open[kind] ?? 0} />
        ))}
    </ul>
  );
}

function OpenKind({ kind, count }: { readonly kind: DriftKind; readonly count: number }) {
  const [name, meaning] = driftWords[kind];
  return (
    <li className="count bad">
      <Go to={`/drift?view=open&kind=${kind}`}>
        <span className="count-name">{name}</span>
        <span className="count-figure">{figure(count)}</span>
        <span className="count-more">{meaning}</span>
      </Go>
    </li>
  );
}

function Runs() {
  return (
    <KeysetList<Resync>
      topic="runs"
      path="/resyncs"
      label="Runs"
      rowKey={({ id }) => id}
      empty={<Empty title="There was no run yet" />}
      columns={[
        {
          head: "Run",
          cell: ({ id, scope, dryRun }) => (
            <Go to={`/resyncs/${id}`}>{`${dryRun === true ? "Compare" : "Resync"}: ${scope}`}</Go>
          ),
        },
        { head: "Standing", cell: (run) => <RunStanding run={run} /> },
        {
          head: "Compared",
          kind: "figure",
          cell: ({ compared, total }) => `${figure(compared ?? 0)} of ${figure(total)}`,
        },
        { head: "Found", kind: "figure", cell: ({ found }) => figure(sumOf(found)) },
        { head: "Healed", kind: "figure", cell: ({ healed }) => figure(healed ?? 0) },
        { head: "Started", cell: ({ startedAt }) => <When at={startedAt} /> },
        { head: "Ended", cell: (run) => (isOver(run) ? <When at={run.finishedAt} otherwise="unknown" /> : "not yet") },
      ]}
    />
  );
}
