import { useState } from "react";
import { useMay } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { SelectField, typed } from "../parts/field.tsx";
import { Mark } from "../parts/mark.tsx";
import { Section } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { Span, When } from "../parts/time.tsx";
import { span, wordsOf } from "../parts/words.ts";

type CanaryStep = { readonly step: string; readonly ms: number; readonly ok: boolean };
type Canary = {
  readonly connection: string;
  readonly everySec: number | null;
  readonly last: {
    readonly startedAt: string;
    readonly failedStep: string | null;
    readonly steps: readonly CanaryStep[];
  } | null;
};

const intervals = [
  ["", "No more"],
  ["300", "Every 5 minutes"],
  ["900", "Every 15 minutes"],
  ["3600", "Every hour"],
] as const;

/** A user of nobody by which the whole way of a connection is tried, on schedule. */
export function CanarySection({ slug }: { readonly slug: string }) {
  const maySet = useMay("admin");
  const [setting, setSetting] = useState(false);
  const canaries = useAnswer<{ readonly items: readonly Canary[] }>("runs", "/canaries");
  const set = (
    <button type="button" className="button small" onClick={() => setSetting(true)}>
      Set the canary
    </button>
  );
  return (
    <Section title="Canary" aside={maySet && set}>
      <Asked query={canaries}>
        {({ items }) => <Fares canary={items.find(({ connection }) => connection === slug)} />}
      </Asked>
      {setting && <SetCanary slug={slug} onClose={() => setSetting(false)} />}
    </Section>
  );
}

function Fares({ canary }: { readonly canary: Canary | undefined }) {
  if (canary === undefined || (canary.everySec === null && canary.last === null))
    return <p className="quiet">The whole way of this connection is not tried by itself.</p>;
  const { everySec, last } = canary;
  return (
    <>
      <p>
        {everySec === null ? "It is not tried any more." : `It is tried every ${span(everySec * 1_000)}.`}{" "}
        {last === null ? (
          "It has not been yet."
        ) : (
          <>
            Last <When at={last.startedAt} />:{" "}
            {last.failedStep === null ? (
              <Mark standing="in">all the way</Mark>
            ) : (
              <Mark standing="out">stopped at {wordsOf(last.failedStep)}</Mark>
            )}
          </>
        )}
      </p>
      {last !== null && (
        <Table<CanaryStep>
          label="The last round, step by step"
          rows={last.steps}
          rowKey={({ step }) => step}
          columns={[
            { head: "Step", cell: ({ step }) => wordsOf(step) },
            { head: "Took", kind: "figure", cell: ({ ms }) => <Span ms={ms} /> },
            {
              head: "Went",
              cell: ({ ok }) => (ok ? <Mark standing="in">well</Mark> : <Mark standing="out">wrong</Mark>),
            },
          ]}
        />
      )}
    </>
  );
}

function SetCanary({ slug, onClose }: { readonly slug: string; readonly onClose: () => void }) {
  const act = useAct({ changes: ["runs"], done: "Set", onDone: onClose });
  return (
    <Confirm
      title="Try this connection by itself"
      deed="Set"
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={(form) => {
        const chosen = typed(form, "everySec");
        act.mutate({
          method: "POST",
          path: `/connections/${encodeURIComponent(slug)}/canary`,
          body: { everySec: chosen === "" ? null : Number(chosen) },
        });
      }}
    >
      <p>
        A user of nobody joins, is let in, leaves and is refused. How long each step took is noted, and an alert opens
        where one fails.
      </p>
      <SelectField label="How often" name="everySec" defaultValue="900" choices={intervals} />
    </Confirm>
  );
}
