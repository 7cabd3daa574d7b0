import { type Connection, useConnections } from "../api/connections.ts";
import { useMay } from "../api/tenant.ts";
import { Asked } from "../parts/asked.tsx";
import { Go } from "../parts/go.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { guideOf } from "../setup/guides.ts";

/** The ways in for identity providers. */
export function ConnectionsPage() {
  const mayConnect = useMay("admin");
  const connections = useConnections();
  const connect = (
    <Go to="/connections/new" className="button primary">
      Connect an identity provider
    </Go>
  );
  return (
    <Page
      title="Connections"
      lead="Who may speak for this tenant's people, and how their tokens find them."
      actions={mayConnect && connect}
    >
      <Asked query={connections}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No identity provider is connected yet">
              <p>It takes some minutes, and this page leads through it.</p>
            </Empty>
          ) : (
            <Table<Connection>
              label="Connections"
              rows={items}
              rowKey={({ id }) => id}
              columns={[
                { head: "Name", cell: ({ slug, name }) => <Go to={`/connections/${slug}`}>{name}</Go> },
                { head: "Provider", cell: ({ kind }) => guideOf(kind).name },
                {
                  head: "Issuers",
                  cell: ({ issuers }) =>
                    issuers.map((issuer) => (
                      <div key={issuer} className="breaks">
                        {issuer}
                      </div>
                    )),
                },
                { head: "A token finds its user by", cell: (connection) => <Rule connection={connection} /> },
                {
                  head: "Standing",
                  cell: ({ pausedAt }) =>
                    (pausedAt ?? undefined) === undefined ? (
                      <Mark standing="in">open</Mark>
                    ) : (
                      <Mark standing="late">paused</Mark>
                    ),
                },
              ]}
            />
          )
        }
      </Asked>
    </Page>
  );
}

/** The subject rule in words. */
export function Rule({ connection }: { readonly connection: Connection }) {
  const { subjectClaim, subjectRule, subjectAttribute } = connection;
  if (subjectRule === "direct") return <code>{subjectClaim} = user id</code>;
  if (subjectRule === "federated") return <>links by hand</>;
  return (
    <code className="breaks">
      {subjectClaim} = {subjectAttribute}
    </code>
  );
}
