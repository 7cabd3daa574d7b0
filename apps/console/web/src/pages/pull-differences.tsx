import { type PullDifference, pullWords } from "../api/pulls.ts";
import { Noted } from "../parts/facts.tsx";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { When } from "../parts/time.tsx";
import { wordsOf } from "../parts/words.ts";

/** What a listing says otherwise than the directory. */
export function PullDifferences({ path }: { readonly path: string }) {
  return (
    <KeysetList<PullDifference>
      topic="pulls"
      path={path}
      label="Differences"
      rowKey={({ id }) => id}
      empty={<Empty title="There is no difference" />}
      columns={[
        { head: "Who", cell: (difference) => <Who difference={difference} /> },
        { head: "What", cell: ({ kind }) => pullWords[kind] ?? kind },
        { head: "In detail", cell: ({ detail }) => <Noted value={detail} /> },
        {
          head: "What came of it",
          cell: ({ outcome, healedAt }) => (
            <>
              {outcome === null ? <Mark standing="waiting">nothing yet</Mark> : wordsOf(outcome)}
              {healedAt !== null && (
                <p className="quiet">
                  <When at={healedAt} />
                </p>
              )}
            </>
          ),
        },
      ]}
    />
  );
}

function Who({ difference: { subjectId, subjectKind, name } }: { readonly difference: PullDifference }) {
  if (subjectId === null) return <span className="breaks">{name}</span>;
  return (
    <Go to={`/${subjectKind}s/${subjectId}`} className="breaks">
      {name}
    </Go>
  );
}
