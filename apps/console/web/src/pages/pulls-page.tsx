import { useState } from "react";
import { useLocation } from "wouter";
import { useConnections } from "../api/connections.ts";
import { type Pull } from "../api/pulls.ts";
import { sumOf } from "../api/runs.ts";
import { useMay, usePagePath } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { said, SelectField } from "../parts/field.tsx";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { When } from "../parts/time.tsx";
import { figure } from "../parts/words.ts";
import { ConnectionName } from "./connection-name.tsx";
import { PullStanding } from "./pull-standing.tsx";

/** Listings of everybody whom an identity provider knows, and what followed from each. */
export function PullsPage() {
  const mayPull = useMay("operator");
  const [starting, setStarting] = useState(false);
  const start = (
    <button type="button" className="button primary" onClick={() => setStarting(true)}>
      Pull
    </button>
  );
  return (
    <Page
      title="Pulls"
      lead="Everybody is asked for from the identity provider, to find what no event told. A listing that would change too many waits for you."
      actions={mayPull && start}
    >
      <KeysetList<Pull>
        topic="pulls"
        path="/pulls"
        label="Pulls"
        rowKey={({ id }) => id}
        empty={
          <Empty title="Nothing was pulled yet">
            <p>A connection whose provider can be asked may be pulled by hand, or by itself as often as you say.</p>
          </Empty>
        }
        columns={[
          { head: "Pull", cell: ({ id, dryRun }) => <Go to={`/pulls/${id}`}>{dryRun === true ? "Trial" : "Pull"}</Go> },
          { head: "Connection", cell: ({ connection }) => <ConnectionName id={connection} /> },
          { head: "Standing", cell: (pull) => <PullStanding pull={pull} /> },
          { head: "Listed", kind: "figure", cell: ({ listed }) => figure(listed ?? 0) },
          { head: "Differences", kind: "figure", cell: ({ found }) => figure(sumOf(found)) },
          { head: "Started", cell: ({ startedAt }) => <When at={startedAt} /> },
        ]}
      />
      {starting && <NewPull onClose={() => setStarting(false)} />}
    </Page>
  );
}

function NewPull({ onClose }: { readonly onClose: () => void }) {
  const [, navigate] = useLocation();
  const pagePath = usePagePath();
  const { data } = useConnections();
  const act = useAct<{ readonly id: string }>({
    changes: ["pulls"],
    done: "The listing has begun",
    onDone: ({ id }) => navigate(pagePath(`/pulls/${id}`)),
  });
  const confirm = (form: FormData): void =>
    act.mutate({
      method: "POST",
      path: `/connections/${encodeURIComponent(said(form, "connection") ?? "")}/pulls`,
      body: { dryRun: said(form, "what") === "trial" },
    });
  return (
    <Confirm title="Pull" deed="Begin" pending={act.isPending} error={act.error} onConfirm={confirm} onClose={onClose}>
      <SelectField
        label="Connection"
        name="connection"
        choices={(data?.items ?? []).map(({ slug, name }) => [slug, name])}
      />
      <SelectField
        label="What"
        name="what"
        choices={[
          ["trial", "List and compare only"],
          ["apply", "Apply what differs, unless it is too much"],
        ]}
      />
    </Confirm>
  );
}
