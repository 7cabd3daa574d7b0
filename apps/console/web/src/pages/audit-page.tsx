import { type SyntheticEvent } from "react";
import { useLocation, useSearch } from "wouter";
import { Noted } from "../parts/facts.tsx";
import { TextField } from "../parts/field.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { When } from "../parts/time.tsx";

type AuditRow = {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly actorName?: string;
  readonly action: string;
  readonly target?: string | null;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly detail?: unknown;
};

/** Who did what, and what it was before and after. */
export function AuditPage() {
  const search = new URLSearchParams(useSearch());
  const [actor, action, target] = ["actor", "action", "target"].map((name) => search.get(name) ?? undefined);
  return (
    <Page
      title="Audit"
      lead="What was done by people and by tokens, the newest first. Nothing is ever taken out of it."
    >
      <FindDeed asked={{ action: action ?? "", actor: actor ?? "", target: target ?? "" }} />
      <KeysetList<AuditRow>
        topic="audit"
        path="/audit"
        query={{ actor, action, target }}
        label="Audit"
        rowKey={({ id }) => id}
        empty={<Empty title="Nothing of that was done" />}
        columns={[
          { head: "When", cell: ({ at }) => <When at={at} /> },
          {
            head: "Who",
            cell: (row) => (
              <span className="breaks" title={row.actor}>
                {row.actorName ?? row.actor}
              </span>
            ),
          },
          { head: "What", cell: ({ action: deed }) => <code>{deed}</code> },
          { head: "To what", cell: ({ target: to }) => <span className="breaks">{to ?? ""}</span> },
          { head: "Before, after and why", cell: (row) => <Changed row={row} /> },
        ]}
      />
    </Page>
  );
}

function Changed({ row: { before, after, detail } }: { readonly row: AuditRow }) {
  if (before === undefined && after === undefined) return <Noted value={detail} />;
  return (
    <>
      <Noted value={{ before, after }} />
      <Noted value={detail} />
    </>
  );
}

function FindDeed({ asked }: { readonly asked: Readonly<Record<"action" | "actor" | "target", string>> }) {
  const [location, navigate] = useLocation();
  const find = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(event.currentTarget))
      if (typeof value === "string" && value !== "") query.set(name, value);
    const text = query.toString();
    navigate(text === "" ? location : `${location}?${text}`);
  };
  return (
    <form className="find" role="search" onSubmit={find} key={JSON.stringify(asked)}>
      <TextField
        label="What"
        name="action"
        type="search"
        defaultValue={asked.action}
        maxLength={100}
        placeholder="user.suspend"
      />
      <TextField label="Who, by id" name="actor" type="search" defaultValue={asked.actor} maxLength={100} />
      <TextField label="To what, by id" name="target" type="search" defaultValue={asked.target} maxLength={4_096} />
      <button type="submit" className="button primary">
        Find
      </button>
    </form>
  );
}
