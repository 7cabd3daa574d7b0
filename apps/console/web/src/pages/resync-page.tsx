import { useLocation, useParams } from "wouter";
import { type DriftKind, driftKinds, driftWords, isOver, type Resync, sumOf } from "../api/runs.ts";
import { useMay, usePagePath } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { type Fact, Facts } from "../parts/facts.tsx";
import { Go } from "../parts/go.tsx";
import { Notice, ProblemNotice } from "../parts/notice.tsx";
import { Page, Section } from "../parts/page.tsx";
import { Progress } from "../parts/progress.tsx";
import { When } from "../parts/time.tsx";
import { figure, span } from "../parts/words.ts";
import { DifferenceList } from "./difference-list.tsx";
import { RunStanding } from "./run-standing.tsx";

const runningMs = 1_000;

/** One run: how far it is, what it found, and what to do with that. */
export function ResyncPage() {
  const { id = "" } = useParams();
  const path = `/resyncs/${encodeURIComponent(id)}`;
  const everyMs = (seen: Resync | undefined) => (seen !== undefined && isOver(seen) ? undefined : runningMs);
  const run = useAnswer<Resync>("runs", path, { everyMs });
  return (
    <Page
      title={run.data?.dryRun === true ? "Comparison" : "Resync"}
      actions={run.data && <Acts run={run.data} path={path} />}
    >
      <Asked query={run}>
        {(seen) => (
          <>
            {!isOver(seen) && <Progress label="Compared" done={seen.compared ?? 0} of={seen.total} />}
            <Facts facts={factsOf(seen)} />
            {isOver(seen) && seen.dryRun === true && sumOf(seen.found) > 0 && (
              <Notice title="Nothing has been changed yet.">Look through the differences, then apply them.</Notice>
            )}
          </>
        )}
      </Asked>
      <Section title="Differences" aside={<Go to="/drift">All runs</Go>}>
        <DifferenceList path={`${path}/differences`} topic="runs" />
      </Section>
    </Page>
  );
}

function factsOf(run: Resync): readonly Fact[] {
  const found = driftKinds.filter((kind) => (run.found?.[kind] ?? 0) > 0);
  const named = (kind: DriftKind): Fact => [driftWords[kind][0], figure(run.found?.[kind] ?? 0)];
  return [
    ["Standing", <RunStanding run={run} />],
    ["Of", run.scope],
    ["Begun by", run.cause === "schedule" ? "the schedule" : "an admin"],
    ...(run.error === undefined ? [] : ([["It failed", <span className="breaks">{run.error}</span>]] as const)),
    ["Compared", `${figure(run.compared ?? 0)} of ${figure(run.total)}`],
    ...(isOver(run) || run.secondsLeft === null || run.secondsLeft === undefined
      ? []
      : ([["Left", `about ${span(run.secondsLeft * 1_000)}`]] as const)),
    ["Differences", found.length === 0 ? "none" : figure(sumOf(run.found))],
    ...found.map(named),
    ["Healed", figure(run.healed ?? 0)],
    ...((run.dead ?? 0) > 0 ? ([["Given up", <Go to="/deadletters">{figure(run.dead ?? 0)}</Go>]] as const) : []),
    ["Started", <When at={run.startedAt} />],
    ["Ended", <When at={run.finishedAt} />],
  ];
}

function Acts({ run, path }: { readonly run: Resync; readonly path: string }) {
  const mayAct = useMay("operator");
  const [, navigate] = useLocation();
  const pagePath = usePagePath();
  const apply = useAct<{ readonly id: string }>({
    changes: ["runs", "drift"],
    done: "What was found is being healed",
    onDone: ({ id }) => navigate(pagePath(`/resyncs/${id}`)),
  });
  const cancel = useAct({ changes: ["runs"], done: "Cancelled" });
  if (!mayAct) return null;
  const error = apply.error ?? cancel.error;
  return (
    <>
      {!isOver(run) && (
        <button
          type="button"
          className="button danger"
          disabled={cancel.isPending}
          onClick={() => cancel.mutate({ method: "POST", path: `${path}/cancel`, body: {} })}
        >
          Cancel
        </button>
      )}
      {run.state === "finished" && run.dryRun === true && sumOf(run.found) > 0 && (
        <button
          type="button"
          className="button primary"
          disabled={apply.isPending}
          onClick={() => apply.mutate({ method: "POST", path: `${path}/apply`, body: {} })}
        >
          Apply what differs ({figure(sumOf(run.found))})
        </button>
      )}
      {error !== null && <ProblemNotice error={error} />}
    </>
  );
}
