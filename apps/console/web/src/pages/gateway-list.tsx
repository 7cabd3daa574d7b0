import type { Gateway } from "../api/overview.ts";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Span } from "../parts/time.tsx";
import type { Column } from "../parts/table.tsx";
import { figure } from "../parts/words.ts";

const standings = {
  live: ["in", "enforces all"],
  behind: ["late", "behind"],
  blind: ["out", "blind"],
  gone: ["unknown", "gone"],
} as const;

const columns: readonly Column<Gateway>[] = [
  { head: "Gateway", cell: ({ name }) => <strong className="breaks">{name}</strong> },
  {
    head: "Standing",
    cell: ({ standing }) => {
      const [mark, words] = standings[standing];
      return <Mark standing={mark}>{words}</Mark>;
    },
  },
  {
    head: "Enforces all until",
    cell: ({ asOfAgeMs }) => (
      <>
        <Span ms={asOfAgeMs} /> ago
      </>
    ),
  },
  {
    head: "Entries behind",
    kind: "figure",
    cell: ({ behind }) => (behind === undefined ? "another epoch" : figure(behind)),
  },
  {
    head: "Heard from",
    cell: ({ heardAgeMs }) => (
      <>
        <Span ms={heardAgeMs} /> ago
      </>
    ),
  },
  {
    head: "Holds what the feed holds",
    cell: ({ digestMatches }) =>
      digestMatches === undefined ? (
        <Mark standing="unknown">not there yet</Mark>
      ) : digestMatches ? (
        <Mark standing="in">yes</Mark>
      ) : (
        <Mark standing="out">no</Mark>
      ),
  },
];

/** Who follows the feed, and up to when each of them refuses whom it should. */
export function GatewayList({
  short = false,
  more = [],
}: {
  readonly short?: boolean;
  readonly more?: readonly Column<Gateway>[];
}) {
  return (
    <KeysetList<Gateway>
      topic="gateways"
      path="/gateways"
      {...(short ? { short, limit: 20 } : {})}
      label="Gateways"
      columns={[...columns, ...more]}
      rowKey={({ id }) => id}
      empty={
        <Empty title="No gateway follows this tenant's feed yet">
          <p>
            Give one a feed token, and it shows here with its first receipt. Until then a leaver is refused nowhere.
          </p>
        </Empty>
      }
    />
  );
}
