import { useParams } from "wouter";
import { type AdminEventShown, subjectPath } from "../api/events.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { type Fact, Facts } from "../parts/facts.tsx";
import { Go } from "../parts/go.tsx";
import { Page } from "../parts/page.tsx";
import { Moment, When } from "../parts/time.tsx";
import { figure, wordsOf } from "../parts/words.ts";
import { ConnectionName } from "./connection-name.tsx";
import { EventStanding } from "./event-standing.tsx";

export function EventPage() {
  const { id = "" } = useParams();
  const event = useAnswer<AdminEventShown>("events", `/events/${encodeURIComponent(id)}`);
  return (
    <Page title={event.data === undefined ? `Event ${id}` : `${wordsOf(event.data.kind)}, event ${id}`}>
      <Asked query={event}>
        {(seen) => (
          <>
            <Facts facts={factsOf(seen)} />
            {seen.state === "dead" && (
              <p>
                It was given up. <Go to={`/deadletters/${seen.id}`}>See what is wrong, replay it or drop it</Go>
              </p>
            )}
          </>
        )}
      </Asked>
    </Page>
  );
}

function factsOf(event: AdminEventShown): readonly Fact[] {
  const { occurredAt, acceptedAt, appliedAt, nextAttemptAt, lastError, version, appliedVersion, ahead } = event;
  return [
    ["Standing", <EventStanding event={event} />],
    ["About", <Go to={subjectPath(event)}>this {event.subjectKind}</Go>],
    ["Takes access away", event.denying ? "it may" : "no"],
    ["Connection", <ConnectionName id={event.connectionId} />],
    ["Came by", event.source],
    ["Occurred", <Moment at={occurredAt} />],
    ["Accepted", <Moment at={acceptedAt} />],
    ["Applied", <When at={appliedAt} />],
    ...(nextAttemptAt === null ? [] : ([["Tried again", <When at={nextAttemptAt} />]] as const)),
    ...(ahead === undefined ? [] : ([["Before it in its lane", figure(ahead)]] as const)),
    ["Directory's version", version === null ? "none" : figure(version)],
    ["The user store shows", appliedVersion === null ? "none" : figure(appliedVersion)],
    ...(lastError === null ? [] : ([["Last error", <span className="breaks">{lastError}</span>]] as const)),
  ];
}
