import { type Denial, type Identity, reasonWords, type UserHistory } from "../api/people.ts";
import { Go } from "../parts/go.tsx";
import { Mark } from "../parts/mark.tsx";
import { Section } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { When } from "../parts/time.tsx";

/** What stands against the person; each reason is lifted by whoever brought it, and by nobody else. */
export function PersonDenials({ person: { denials } }: { readonly person: UserHistory }) {
  return (
    <Section title="Denials">
      {denials.length === 0 ? (
        <p className="quiet">Nothing stands against them.</p>
      ) : (
        <Table<Denial>
          label="Denials"
          rows={denials}
          rowKey={({ reason, originId }) => reason + originId}
          columns={[
            { head: "Reason", cell: ({ reason }) => <Mark standing="out">{reasonWords(reason)}</Mark> },
            { head: "Since", cell: ({ since }) => <When at={since} /> },
            { head: "Note", cell: ({ note }) => <span className="breaks">{note ?? ""}</span> },
          ]}
        />
      )}
    </Section>
  );
}

/** Under which issuer and subject tokens name the person, and what gateways are told of each. */
export function PersonIdentities({ person: { identities, revocations } }: { readonly person: UserHistory }) {
  const told = ({ iss, sub }: Identity) => {
    const revocation = revocations.find((each) => each.iss === iss && each.sub.toLowerCase() === sub.toLowerCase());
    if (revocation === undefined || (!revocation.deny && revocation.nbf === null))
      return <Mark standing="in">let in</Mark>;
    if (revocation.deny) return <Mark standing="out">refused</Mark>;
    return <Mark standing="late">tokens of before are refused</Mark>;
  };
  return (
    <Section title="In tokens">
      {identities.length === 0 ? (
        <p className="quiet">
          No token finds them: the connection has no issuer, or they lack what its subject rule asks for.
        </p>
      ) : (
        <Table<Identity>
          label="Identities"
          rows={identities}
          rowKey={({ iss, sub }) => `${iss} ${sub}`}
          columns={[
            { head: "Subject", cell: ({ sub }) => <code className="breaks">{sub}</code> },
            { head: "Issuer", cell: ({ iss }) => <span className="breaks">{iss}</span> },
            {
              head: "Comes from",
              cell: ({ alias, linkedAt }) =>
                linkedAt === null ? (alias ? "a former name" : "the directory") : "an admin",
            },
            { head: "Gateways are told", cell: told },
          ]}
        />
      )}
    </Section>
  );
}

export function PersonGroups({ groups }: { readonly groups: UserHistory["groups"] }) {
  return (
    <Section title="Groups">
      {groups.length === 0 ? (
        <p className="quiet">They are in no group.</p>
      ) : (
        <ul className="chips">
          {groups.map(({ id, displayName }) => (
            <li key={id}>
              <Go to={`/groups/${id}`}>{displayName}</Go>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
