import type { UserEvent, UserHistory } from "../api/people.ts";
import { Go } from "../parts/go.tsx";
import { Mark } from "../parts/mark.tsx";
import { Section } from "../parts/page.tsx";
import { Moment, When } from "../parts/time.tsx";
import { span, wordsOf } from "../parts/words.ts";

/** What happened to the person, the newest first. */
export function PersonTimeline({ person: { events } }: { readonly person: UserHistory }) {
  return (
    <Section title="What happened">
      {events.length === 0 ? (
        <p className="quiet">Nothing yet.</p>
      ) : (
        <ol className="timeline">
          {events.map((event) => (
            <Happened key={event.id} event={event} />
          ))}
        </ol>
      )}
    </Section>
  );
}

function Happened({ event }: { readonly event: UserEvent }) {
  const { id, kind, source, occurredAt, acceptedAt, appliedAt, deadAt, attempts, lastError } = event;
  return (
    <li>
      <div className="happened">
        <Go to={deadAt === null ? `/events/${id}` : `/deadletters/${id}`}>{wordsOf(kind)}</Go>
        <span className="quiet">by {source}</span>
        {appliedAt !== null ? (
          <Mark standing="in">applied after {span(Date.parse(appliedAt) - Date.parse(acceptedAt))}</Mark>
        ) : deadAt !== null ? (
          <Mark standing="out">given up after {attempts} attempts</Mark>
        ) : (
          <Mark standing="waiting">waits</Mark>
        )}
      </div>
      <div className="quiet">
        <When at={acceptedAt} /> · accepted <Moment at={acceptedAt} /> ·{" "}
        {occurredAt === null ? (
          "when it occurred is unknown"
        ) : (
          <>
            occurred <Moment at={occurredAt} />
          </>
        )}
      </div>
      {lastError !== null && appliedAt === null && <p className="breaks">{lastError}</p>}
    </li>
  );
}
