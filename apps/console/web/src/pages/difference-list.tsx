import { useSearch } from "wouter";
import { type Difference, type DriftKind, driftKinds, driftWords } from "../api/runs.ts";
import type { Topic } from "../api/topics.ts";
import { Noted } from "../parts/facts.tsx";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { When } from "../parts/time.tsx";
import { ConnectionName } from "./connection-name.tsx";

/** Both sides of what differs, one subject a row. */
export function DifferenceList({ path, topic }: { readonly path: string; readonly topic: Topic }) {
  const asked = new URLSearchParams(useSearch()).get("kind");
  const kind = driftKinds.find((each) => each === asked);
  return (
    <KeysetList<Difference>
      topic={topic}
      path={path}
      query={{ kind }}
      label="Differences"
      rowKey={({ id }) => id}
      empty={<Empty title="There is no difference" />}
      columns={[
        {
          head: "Who",
          cell: ({ subjectKind, subjectId, name }) => (
            <Go to={`/${subjectKind}s/${subjectId}`} className="breaks">
              {name ?? subjectId}
            </Go>
          ),
        },
        { head: "What", cell: (difference) => <Kind kind={difference.kind} /> },
        { head: "The directory says", cell: ({ directory }) => <Noted value={directory} otherwise="nothing" /> },
        { head: "The user store has", cell: ({ userStore }) => <Noted value={userStore} otherwise="nothing" /> },
        { head: "Connection", cell: ({ connection }) => <ConnectionName id={connection} /> },
        {
          head: "Healed",
          cell: ({ healedAt }) =>
            healedAt === null || healedAt === undefined ? <Mark standing="late">not yet</Mark> : <When at={healedAt} />,
        },
      ]}
    />
  );
}

function Kind({ kind }: { readonly kind: DriftKind }) {
  const [name, meaning] = driftWords[kind] ?? [kind, ""];
  return (
    <>
      <strong>{name}</strong>
      <p className="quiet">{meaning}</p>
    </>
  );
}
