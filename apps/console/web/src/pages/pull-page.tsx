import { useState } from "react";
import { useParams } from "wouter";
import { isOver, type Pull, pullWords } from "../api/pulls.ts";
import { useMay } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { type Fact, Facts } from "../parts/facts.tsx";
import { said, TextField } from "../parts/field.tsx";
import { Go } from "../parts/go.tsx";
import { Notice, ProblemNotice } from "../parts/notice.tsx";
import { Page, Section } from "../parts/page.tsx";
import { Progress } from "../parts/progress.tsx";
import { When } from "../parts/time.tsx";
import { figure } from "../parts/words.ts";
import { BrakeNotice } from "./brake-notice.tsx";
import { ConnectionName } from "./connection-name.tsx";
import { PullDifferences } from "./pull-differences.tsx";
import { PullStanding } from "./pull-standing.tsx";

const runningMs = 1_000;

/** One listing: how far it is, what it would do, and where the brake stopped it the way on. */
export function PullPage() {
  const { id = "" } = useParams();
  const path = `/pulls/${encodeURIComponent(id)}`;
  const everyMs = (seen: Pull | undefined) =>
    seen !== undefined && (isOver(seen) || seen.state === "braked") ? undefined : runningMs;
  const pull = useAnswer<Pull>("pulls", path, { everyMs });
  return (
    <Page
      title={pull.data?.dryRun === true ? "Trial pull" : "Pull"}
      actions={pull.data && <Acts pull={pull.data} path={path} />}
    >
      <Asked query={pull}>
        {(seen) => (
          <>
            {seen.brake !== null && seen.brake !== undefined && (
              <BrakeNotice brake={seen.brake} stopped={seen.state === "braked"} />
            )}
            {seen.state === "failed" && (
              <Notice tone="bad" title={failureOf(seen)}>
                <p className="breaks">{seen.reason ?? "The reason is unknown."}</p>
              </Notice>
            )}
            {seen.state === "listing" && <Progress label="Listed" done={seen.listed ?? 0} of={undefined} />}
            <Facts facts={factsOf(seen)} />
          </>
        )}
      </Asked>
      <Section title="Differences" aside={<Go to="/pulls">All pulls</Go>}>
        <PullDifferences path={`${path}/differences`} />
      </Section>
    </Page>
  );
}

/** One that fails on its way leaves what it has done until then. */
function failureOf({ settled = 0 }: Pull): string {
  return settled === 0
    ? "It failed, and nothing was changed by it."
    : `It failed on its way: ${figure(settled)} of the differences had been seen to, and that stays.`;
}

function factsOf(pull: Pull): readonly Fact[] {
  const { listed, complete, found, reason, state, startedAt, finishedAt, connection } = pull;
  return [
    ["Standing", <PullStanding pull={pull} />],
    ["Connection", <ConnectionName id={connection} />],
    ["Listed", figure(listed ?? 0)],
    [
      "The listing is whole",
      complete === true
        ? "yes"
        : isOver(pull) || state !== "listing"
          ? "no: nobody is taken for gone"
          : "not known yet",
    ],
    ...Object.entries(found ?? {})
      .filter(([, count]) => count > 0)
      .map(([kind, count]): Fact => [pullWords[kind] ?? kind, figure(count)]),
    ...(reason !== null && reason !== undefined && state !== "failed" ? ([["Reason", reason]] as const) : []),
    ["Started", <When at={startedAt} />],
    ["Ended", <When at={finishedAt} />],
  ];
}

function Acts({ pull, path }: { readonly pull: Pull; readonly path: string }) {
  const [mayAct, mayRelease] = [useMay("operator"), useMay("admin")];
  const [releasing, setReleasing] = useState(false);
  const cancel = useAct({ changes: ["pulls"], done: "Cancelled" });
  const release = useAct({ changes: ["pulls", "alerts"], done: "It goes on", onDone: () => setReleasing(false) });
  if (!mayAct || isOver(pull)) return null;
  return (
    <>
      <button
        type="button"
        className="button danger"
        disabled={cancel.isPending}
        onClick={() => cancel.mutate({ method: "POST", path: `${path}/cancel`, body: {} })}
      >
        Cancel
      </button>
      {pull.state === "braked" && mayRelease && (
        <button type="button" className="button primary" onClick={() => setReleasing(true)}>
          Release the brake
        </button>
      )}
      {cancel.error !== null && <ProblemNotice error={cancel.error} />}
      {releasing && (
        <Confirm
          title="Let this listing go on?"
          deed={`Apply to ${figure(pull.brake?.would ?? 0)} users`}
          dangerous
          pending={release.isPending}
          error={release.error}
          onClose={() => setReleasing(false)}
          onConfirm={(form) =>
            release.mutate({ method: "POST", path: `${path}/release`, body: { note: said(form, "note") } })
          }
        >
          {pull.brake !== null && pull.brake !== undefined && <BrakeNotice brake={pull.brake} stopped />}
          <TextField label="Why it is right" name="note" required maxLength={500} hint="It is kept in the audit." />
        </Confirm>
      )}
    </>
  );
}
