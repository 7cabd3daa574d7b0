import { useState } from "react";
import { type Alert, type Objective, type Overview, stageNames } from "../api/overview.ts";
import { useMay } from "../api/tenant.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Go } from "../parts/go.tsx";
import { Mark, Unknown } from "../parts/mark.tsx";
import { Page } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { percent, span } from "../parts/words.ts";
import { StageName, stageStandings, stageWords } from "./line.tsx";
import { SetObjective } from "./set-objective.tsx";

/** How quick each stage is to be, how it does now, and whether it is so late that an alert is open. */
export function ObjectivesPage() {
  const maySet = useMay("admin");
  const [setting, setSetting] = useState<Objective>();
  const objectives = useAnswer<{ readonly items: readonly Objective[] }>("objectives", "/objectives");
  return (
    <Page
      title="Objectives"
      lead="Of what passes a stage, so much has to pass it in time; the rest may be late. An alert opens where that is used up too fast, or where something has waited for longer."
    >
      <Asked query={objectives} lines={4}>
        {({ items }) => (
          <Table<Objective>
            label="Objectives, stage by stage"
            rows={items}
            rowKey={({ stage }) => stage}
            columns={[
              { head: "Stage", cell: ({ stage }) => <StageName stage={stage} /> },
              { head: "Within", cell: ({ p99Ms }) => span(p99Ms) },
              { head: "At least", cell: ({ share }) => percent(share) },
              { head: "Said by", cell: ({ isDefault }) => (isDefault ? "nobody: as it comes" : "an admin") },
              { head: "Now", cell: ({ stage }) => <Now stage={stage} /> },
              { head: "Alert", cell: ({ stage }) => <OpenAlert stage={stage} /> },
              ...(maySet ? [{ head: "What to do", kind: "actions" as const, cell: setOf(setSetting) }] : []),
            ]}
          />
        )}
      </Asked>
      {setting !== undefined && <SetObjective stage={setting.stage} onClose={() => setSetting(undefined)} />}
    </Page>
  );
}

type OpenAlerts = { readonly items: readonly Alert[]; readonly next?: string };
type StageProps = Pick<Objective, "stage">;

/** What passed of late, as the overview says it. */
function Now({ stage }: StageProps) {
  const { data } = useAnswer<Overview>("overview", "/overview");
  const lag = data?.lag[stage];
  if (lag === undefined) return <Unknown />;
  return (
    <>
      <Mark standing={stageStandings[lag.state]}>{stageWords[lag.state]}</Mark>
      {typeof lag.p99Ms === "number" && span(lag.p99Ms)}
    </>
  );
}

/** By the newest that are open; where there are more of them than are asked for, one that is not found may be there. */
function OpenAlert({ stage }: StageProps) {
  const { data } = useAnswer<OpenAlerts>("alerts", "/alerts?state=open&limit=200");
  const alert = data?.items.find(({ kind, key }) => kind === "lag" && key === stage);
  if (alert === undefined) return data === undefined || data.next !== undefined ? <Unknown /> : "none";
  return (
    <Go to="/alerts">
      <Mark standing="out">{alert.level === 2 ? "open, needs somebody now" : "open"}</Mark>
    </Go>
  );
}

function setOf(choose: (objective: Objective) => void) {
  return (objective: Objective) => (
    <button type="button" className="button small" onClick={() => choose(objective)}>
      Set{" "}
      <span className="unseen">
        {stageNames[objective.stage].from} to {stageNames[objective.stage].to}
      </span>
    </button>
  );
}
