import { useState } from "react";
import type { Alert } from "../api/overview.ts";
import { useMay } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { said, TextField } from "../parts/field.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { When } from "../parts/time.tsx";
import { wordsOf } from "../parts/words.ts";

/** Alerts, and for who may the way to say that somebody sees to it. */
export function AlertList({ state, short = false }: { readonly state: "open" | "all"; readonly short?: boolean }) {
  const mayAcknowledge = useMay("operator");
  const [seeing, setSeeing] = useState<Alert>();
  return (
    <>
      <KeysetList<Alert>
        topic="alerts"
        path="/alerts"
        query={{ state }}
        {...(short ? { short, limit: 10 } : {})}
        label="Alerts"
        rowKey={({ id }) => id}
        empty={<Empty title={state === "open" ? "No alert is open" : "There was never an alert"} />}
        columns={[
          { head: "Alert", cell: (alert) => <What alert={alert} /> },
          { head: "Since", cell: ({ raisedAt }) => <When at={raisedAt} /> },
          { head: "Standing", cell: (alert) => <StandingOf alert={alert} /> },
          ...(mayAcknowledge
            ? [
                {
                  head: "What to do",
                  kind: "actions" as const,
                  cell: (alert: Alert) =>
                    isOpen(alert) && (
                      <button type="button" className="button small" onClick={() => setSeeing(alert)}>
                        Acknowledge <span className="unseen">{wordsOf(alert.kind)}</span>
                      </button>
                    ),
                },
              ]
            : []),
        ]}
      />
      {seeing !== undefined && <Acknowledge alert={seeing} onClose={() => setSeeing(undefined)} />}
    </>
  );
}

function What({ alert: { kind, key, detail, level } }: { readonly alert: Alert }) {
  const said = Object.entries(detail ?? {}).filter(([, value]) => typeof value !== "object");
  return (
    <>
      <strong>{wordsOf(kind)}</strong> {level === 2 && <Mark standing="out">needs somebody now</Mark>}
      {key !== null && key !== undefined && <code className="breaks"> {key}</code>}
      {said.length > 0 && (
        <p className="quiet breaks">{said.map(([name, value]) => `${name}: ${String(value)}`).join(" · ")}</p>
      )}
    </>
  );
}

function StandingOf({ alert: { resolvedAt, acknowledgedAt, note } }: { readonly alert: Alert }) {
  if (resolvedAt !== null && resolvedAt !== undefined) return <Mark standing="in">over</Mark>;
  if (acknowledgedAt === null || acknowledgedAt === undefined) return <Mark standing="out">open</Mark>;
  return (
    <>
      <Mark standing="waiting">somebody sees to it</Mark>
      {note !== null && note !== undefined && <p className="quiet breaks">{note}</p>}
    </>
  );
}

function isOpen({ resolvedAt, acknowledgedAt }: Alert): boolean {
  return (resolvedAt ?? undefined) === undefined && (acknowledgedAt ?? undefined) === undefined;
}

function Acknowledge({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const act = useAct({ changes: ["alerts", "overview"], done: "Acknowledged", onDone: onClose });
  return (
    <Confirm
      title={`Acknowledge: ${wordsOf(alert.kind)}`}
      deed="Acknowledge"
      pending={act.isPending}
      error={act.error}
      onConfirm={(form) => {
        const note = said(form, "note");
        act.mutate({
          method: "POST",
          path: `/alerts/${alert.id}/acknowledge`,
          body: note === undefined ? {} : { note },
        });
      }}
      onClose={onClose}
    >
      <p>You say that you see to it. It stays open until its cause is gone.</p>
      <TextField label="Note" name="note" maxLength={500} hint="What is being done, for whoever comes next." />
    </Confirm>
  );
}
