import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { type DeadLetterShown, subjectPath } from "../api/events.ts";
import { reasonWords } from "../api/people.ts";
import { useMay, usePagePath } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Facts } from "../parts/facts.tsx";
import { CheckField, said, TextField } from "../parts/field.tsx";
import { Go } from "../parts/go.tsx";
import { Notice } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { Moment } from "../parts/time.tsx";
import { wordsOf } from "../parts/words.ts";
import { ConnectionName } from "./connection-name.tsx";

type Deed = "replay" | "drop";

/** What is wrong with an event, and the two ways out: once more, or never again. */
export function DeadLetterPage() {
  const { id = "" } = useParams();
  const mayAct = useMay("operator");
  const [deed, setDeed] = useState<Deed>();
  const letter = useAnswer<DeadLetterShown>("deadletters", `/deadletters/${encodeURIComponent(id)}`);
  const acts = (
    <>
      <button type="button" className="button primary" onClick={() => setDeed("replay")}>
        Replay
      </button>
      <button type="button" className="button danger" onClick={() => setDeed("drop")}>
        Drop
      </button>
    </>
  );
  return (
    <Page
      title={`Dead letter ${id}`}
      lead="Mend what is wrong first, then replay it."
      actions={mayAct && letter.data && acts}
    >
      <Asked query={letter}>
        {(seen) => (
          <>
            <What letter={seen} />
            {deed === "replay" && <Replay letter={seen} onClose={() => setDeed(undefined)} />}
            {deed === "drop" && <Drop letter={seen} onClose={() => setDeed(undefined)} />}
          </>
        )}
      </Asked>
    </Page>
  );
}

function What({ letter }: { readonly letter: DeadLetterShown }) {
  return (
    <>
      {letter.state === "superseded" && (
        <Notice
          tone="good"
          title="A later event has brought all that this one would have brought. It needs nobody any more."
        />
      )}
      {letter.state === "dropped" && <Notice title="It was dropped. A replay takes it up again." />}
      <Facts
        facts={[
          ["Event", wordsOf(letter.kind)],
          ["Reason", <span className="breaks">{letter.reason ?? "unknown"}</span>],
          ["About", <Go to={subjectPath(letter)}>this {letter.subjectKind}</Go>],
          ["Stands against them", letter.denials.length === 0 ? "nothing" : letter.denials.map(reasonWords).join(", ")],
          ["May take access away", letter.denying ? "yes: they are denied until it is applied" : "no"],
          ["Attempts", letter.attempts],
          ["Connection", <ConnectionName id={letter.connectionId} />],
          ["Came by", letter.source],
          ["Accepted", <Moment at={letter.acceptedAt} />],
          ["Given up", <Moment at={letter.deadAt} />],
        ]}
      />
    </>
  );
}

type DeedProps = { readonly letter: DeadLetterShown; readonly onClose: () => void };

function Replay({ letter, onClose }: DeedProps) {
  const [, navigate] = useLocation();
  const pagePath = usePagePath();
  const act = useAct({
    changes: ["deadletters", "events", "overview", "alerts"],
    done: "It is tried again",
    // It is no dead letter any more: what becomes of it is told where every event is.
    onDone: () => navigate(pagePath(`/events/${letter.id}`)),
  });
  return (
    <Confirm
      title="Replay this event?"
      deed="Replay"
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={(form) => {
        const note = said(form, "note");
        act.mutate({
          method: "POST",
          path: `/deadletters/${letter.id}/replay`,
          body: note === undefined ? {} : { note },
        });
      }}
    >
      <p>It goes the way of every event. While its cause lasts, it is given up again.</p>
      <TextField label="Note" name="note" maxLength={500} />
    </Confirm>
  );
}

function Drop({ letter, onClose }: DeedProps) {
  const act = useAct({ changes: ["deadletters", "events", "overview", "alerts"], done: "Dropped", onDone: onClose });
  return (
    <Confirm
      title="Drop this event?"
      deed="Drop it"
      dangerous
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={(form) =>
        act.mutate({
          method: "POST",
          path: `/deadletters/${letter.id}/drop`,
          body: { reason: said(form, "reason"), ...(form.has("denial") ? { denial: true } : {}) },
        })
      }
    >
      <p>It is tried no more. This changes nobody: whoever was denied by its failing stays denied.</p>
      <TextField label="Why" name="reason" required maxLength={500} hint="It is kept in the audit: name no person." />
      {letter.denying && <CheckField label="I know that it may take access away" name="denial" required />}
    </Confirm>
  );
}
