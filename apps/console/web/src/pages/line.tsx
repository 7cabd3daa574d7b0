import { type Overview, type Stage, stageNames, stages, type StageState } from "../api/overview.ts";
import { Mark, Unknown } from "../parts/mark.tsx";
import { span } from "../parts/words.ts";

export const stageStandings = { ok: "in", late: "late", unknown: "unknown" } as const;
export const stageWords = { ok: "in time", late: "late", unknown: "not measured" } as const;

/** The line through the house: five moments of a change, and how long 99 of 100 took between each two. */
export function Line({ lag }: { readonly lag: Overview["lag"] }) {
  return (
    <ol className="line" aria-label="How long a change takes, stage by stage">
      {stages.map((stage) => (
        <Way key={stage} stage={stage} state={lag[stage]} />
      ))}
    </ol>
  );
}

/** The two moments that a stage lies between. */
export function StageName({ stage }: { readonly stage: Stage }) {
  const { from, to } = stageNames[stage];
  return (
    <>
      {from} <span aria-hidden="true">→</span>
      <span className="unseen"> to </span> {to}
    </>
  );
}

function Way({
  stage,
  state = { state: "unknown" },
}: {
  readonly stage: Stage;
  readonly state?: StageState | undefined;
}) {
  const { p99Ms, objectiveMs } = state;
  return (
    <li className={`way ${stageStandings[state.state]}`}>
      <span className="moments">
        <StageName stage={stage} />
      </span>
      <span className="took">{p99Ms === null || p99Ms === undefined ? <Unknown /> : span(p99Ms)}</span>
      <span className="objective">
        <Mark standing={stageStandings[state.state]}>{stageWords[state.state]}</Mark>
        {objectiveMs !== null && objectiveMs !== undefined && <span>, objective {span(objectiveMs)}</span>}
      </span>
    </li>
  );
}
