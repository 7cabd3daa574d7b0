import { useState } from "react";
import { useLocation } from "wouter";
import { useConnections } from "../api/connections.ts";
import { usePagePath } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { said, SelectField } from "../parts/field.tsx";

/** Compares a connection or all of the tenant, and heals what differs at once or once somebody has looked. */
export function NewResync({ onClose }: { readonly onClose: () => void }) {
  const [, navigate] = useLocation();
  const pagePath = usePagePath();
  const { data } = useConnections();
  const [dryRun, setDryRun] = useState(true);
  const act = useAct<{ readonly id: string }>({
    changes: ["runs", "drift"],
    done: dryRun ? "The comparison has begun" : "The resync has begun",
    onDone: ({ id }) => navigate(pagePath(`/resyncs/${id}`)),
  });
  const confirm = (form: FormData): void => {
    const connection = said(form, "connection");
    const scope = connection === undefined ? { scope: "tenant" } : { scope: "connection", connection };
    const how = dryRun ? { dryRun } : { differingOnly: true };
    act.mutate({ method: "POST", path: "/resyncs", body: { ...scope, ...how } });
  };
  return (
    <Confirm
      title="Compare or resync"
      deed={dryRun ? "Compare" : "Resync"}
      pending={act.isPending}
      error={act.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      <SelectField
        label="Whom"
        name="connection"
        choices={[
          ["", "Everybody in this tenant"],
          ...(data?.items ?? []).map(({ slug, name }) => [slug, `Everybody of ${name}`] as const),
        ]}
      />
      <SelectField
        label="What"
        value={dryRun ? "compare" : "heal"}
        onChange={(event) => setDryRun(event.target.value === "compare")}
        choices={[
          ["compare", "Compare only, and show what differs"],
          ["heal", "Heal what differs"],
        ]}
        hint={
          dryRun
            ? "Nothing is changed. Once you have looked, you may apply it."
            : "It goes the way of every event, behind what providers send."
        }
      />
    </Confirm>
  );
}
