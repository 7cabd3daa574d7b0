import type { Overview } from "../api/overview.ts";
import { Facts } from "../parts/facts.tsx";
import { Mark } from "../parts/mark.tsx";
import { Section } from "../parts/page.tsx";
import { Span } from "../parts/time.tsx";
import { figure } from "../parts/words.ts";

/** Who left today, and how long it took until every gateway that can be counted on refused them. */
export function LeaversToday({ leavers }: { readonly leavers: Overview["leaversToday"] }) {
  const { count, enforced, notYetEnforced, unknown = 0, p50Ms, p99Ms, slowestMs } = leavers;
  return (
    <Section title="Leavers today" aside={<span className="quiet">since midnight, UTC</span>}>
      {count === 0 ? (
        <p className="quiet">Nobody has left today.</p>
      ) : (
        <>
          <div
            className="share"
            role="img"
            aria-label={`${enforced} of ${count} are refused at every gateway that can be counted on`}
          >
            <span style={{ flexGrow: enforced }} className="done" />
            <span style={{ flexGrow: notYetEnforced }} className="open" />
          </div>
          <Facts
            facts={[
              ["Left", figure(count)],
              ["Refused everywhere", <Mark standing="in">{figure(enforced)}</Mark>],
              ["Not yet", notYetEnforced === 0 ? "nobody" : <Mark standing="late">{figure(notYetEnforced)}</Mark>],
              ...(unknown === 0
                ? []
                : ([["Nobody can say", <Mark standing="unknown">{figure(unknown)}</Mark>]] as const)),
              ["Half took at most", <Span ms={p50Ms} />],
              ["99 of 100 took at most", <Span ms={p99Ms} />],
              ["The slowest took", <Span ms={slowestMs} />],
            ]}
          />
        </>
      )}
    </Section>
  );
}
