import type { Overview } from "../api/overview.ts";
import { Go } from "../parts/go.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Table } from "../parts/table.tsx";
import { When } from "../parts/time.tsx";

type Row = Overview["connections"][number];

/** From whom something was heard, and from whom not for longer than usual. */
export function SilentConnections({ connections }: { readonly connections: readonly Row[] }) {
  if (connections.length === 0)
    return (
      <Empty title="No identity provider is connected yet">
        <Go to="/connections/new" className="button primary">
          Connect one
        </Go>
      </Empty>
    );
  return (
    <Table<Row>
      label="Connections and when they were last heard from"
      rows={connections.toSorted((one, other) => Number(other.silent ?? false) - Number(one.silent ?? false))}
      rowKey={({ slug }) => slug}
      columns={[
        { head: "Connection", cell: ({ slug }) => <Go to={`/connections/${slug}`}>{slug}</Go> },
        { head: "Last event", cell: ({ lastEventAt }) => <When at={lastEventAt} otherwise="none yet" /> },
        {
          head: "Standing",
          cell: ({ silent, lastEventAt }) =>
            lastEventAt === null || lastEventAt === undefined ? (
              <Mark standing="unknown">not heard yet</Mark>
            ) : silent === undefined ? (
              <Mark standing="unknown">too little is known of its habits</Mark>
            ) : silent ? (
              <Mark standing="late">silent for longer than usual</Mark>
            ) : (
              <Mark standing="in">heard</Mark>
            ),
        },
      ]}
    />
  );
}
