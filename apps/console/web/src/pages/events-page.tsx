import { useSearch } from "wouter";
import { type AdminEvent, subjectPath } from "../api/events.ts";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { Tabs, useTab } from "../parts/tabs.tsx";
import { When } from "../parts/time.tsx";
import { wordsOf } from "../parts/words.ts";
import { ConnectionName } from "./connection-name.tsx";
import { EventStanding } from "./event-standing.tsx";

const states = [
  ["all", "All"],
  ["waiting", "Waiting"],
  ["applied", "Applied"],
  ["dead", "Given up"],
] as const;

/** By what of an event the address may narrow the list. */
const narrowing = ["connection", "subject", "kind"] as const;

/** What was accepted, and what has become of it. An event names whom it is about; what changed is in the directory. */
export function EventsPage() {
  const state = useTab("state", states);
  const search = new URLSearchParams(useSearch());
  const [connection, subject, kind] = narrowing.map((name) => search.get(name) ?? undefined);
  const isNarrowed = [connection, subject, kind].some((each) => each !== undefined);
  return (
    <Page title="Events" lead="Every change that was accepted, the newest first.">
      <Tabs name="state" label="Which events" choices={states} keep={narrowing} />
      {isNarrowed && (
        <p className="quiet breaks">
          Only {[connection, subject, kind].filter((each) => each !== undefined).join(", ")}.{" "}
          <Go to="/events">Show all events</Go>
        </p>
      )}
      <KeysetList<AdminEvent>
        key={state}
        topic="events"
        path="/events"
        query={{ state, connection, subject, kind }}
        label="Events"
        rowKey={({ id }) => id}
        empty={<Empty title={state === "waiting" ? "Nothing waits" : "There is no such event"} />}
        columns={[
          {
            head: "Event",
            cell: ({ id, kind, denying }) => (
              <>
                <Go to={`/events/${id}`}>{wordsOf(kind)}</Go> {denying && <Mark standing="out">takes access</Mark>}
              </>
            ),
          },
          { head: "Accepted", cell: ({ acceptedAt }) => <When at={acceptedAt} /> },
          { head: "Standing", cell: (event) => <EventStanding event={event} /> },
          { head: "By", cell: ({ source }) => source },
          { head: "Connection", cell: ({ connectionId }) => <ConnectionName id={connectionId} /> },
          { head: "About", cell: (event) => <Go to={subjectPath(event)}>{event.subjectKind}</Go> },
        ]}
      />
    </Page>
  );
}
