import { type DeadLetter, subjectPath } from "../api/events.ts";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { When } from "../parts/time.tsx";
import { wordsOf } from "../parts/words.ts";
import { ConnectionName } from "./connection-name.tsx";

const standings = {
  open: ["out", "open"],
  superseded: ["in", "a later event brought it"],
  dropped: ["unknown", "dropped"],
} as const;

/** Events that could not be applied. */
export function DeadLettersPage() {
  return (
    <Page
      title="Dead letters"
      lead="Events that could not be applied, and that somebody must see to. Nothing of them is lost."
    >
      <KeysetList<DeadLetter>
        topic="deadletters"
        path="/deadletters"
        label="Dead letters"
        rowKey={({ id }) => id}
        empty={
          <Empty title="There are none">
            <p>Every event that was accepted has been applied, or is on its way.</p>
          </Empty>
        }
        columns={[
          { head: "Event", cell: ({ id, kind }) => <Go to={`/deadletters/${id}`}>{`${wordsOf(kind)}, ${id}`}</Go> },
          { head: "Reason", cell: ({ reason }) => <span className="breaks">{reason ?? "unknown"}</span> },
          { head: "Given up", cell: ({ deadAt }) => <When at={deadAt} /> },
          {
            head: "Standing",
            cell: ({ state, denying }) => (
              <>
                <Mark standing={standings[state][0]}>{standings[state][1]}</Mark>
                {denying && state === "open" && <Mark standing="out">its subject is denied meanwhile</Mark>}
              </>
            ),
          },
          { head: "About", cell: (letter) => <Go to={subjectPath(letter)}>{letter.subjectKind}</Go> },
          { head: "Connection", cell: ({ connectionId }) => <ConnectionName id={connectionId} /> },
        ]}
      />
    </Page>
  );
}
