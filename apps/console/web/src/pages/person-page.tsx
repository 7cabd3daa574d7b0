import { useState } from "react";
import { useParams } from "wouter";
import { type UserHistory } from "../api/people.ts";
import { useMay } from "../api/tenant.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Facts } from "../parts/facts.tsx";
import { Go } from "../parts/go.tsx";
import { Page } from "../parts/page.tsx";
import { ConnectionName } from "./connection-name.tsx";
import { PersonActs } from "./person-acts.tsx";
import { PersonDenials, PersonGroups, PersonIdentities } from "./person-parts.tsx";
import { PersonTimeline } from "./person-timeline.tsx";
import { UserStanding } from "./user-standing.tsx";

/** One person: whether they may enter and why, who they are in tokens, where they belong, and what happened. */
export function PersonPage() {
  const { id = "" } = useParams();
  const person = useAnswer<UserHistory>("users", `/users/${encodeURIComponent(id)}`);
  const mayAct = useMay("operator");
  const [acting, setActing] = useState(false);
  const name = person.data?.userName ?? person.data?.directory[0]?.userName ?? "User";
  return (
    <Page
      title={name}
      lead={person.data?.displayName}
      actions={
        mayAct &&
        person.data !== undefined && (
          <button type="button" className="button" onClick={() => setActing(true)}>
            Suspend, lift, resync …
          </button>
        )
      }
    >
      <Asked query={person} lines={8}>
        {(seen) => (
          <>
            <Who person={seen} />
            <PersonDenials person={seen} />
            <PersonIdentities person={seen} />
            <PersonGroups groups={seen.groups} />
            <PersonTimeline person={seen} />
            {acting && <PersonActs person={seen} onClose={() => setActing(false)} />}
          </>
        )}
      </Asked>
    </Page>
  );
}

function Who({ person: { id, directory, identities } }: { readonly person: UserHistory }) {
  const [identity] = identities;
  const asked =
    identity === undefined ? "" : `?${new URLSearchParams({ sub: identity.sub, iss: identity.iss }).toString()}`;
  return (
    <>
      {directory.map((user) => (
        <Facts
          key={user.directoryUserId}
          facts={[
            ["Standing", <UserStanding user={user} />],
            ["userName", <span className="breaks">{user.userName}</span>],
            ["externalId", user.externalId === undefined ? "none" : <code className="breaks">{user.externalId}</code>],
            ["Connection", <ConnectionName id={user.connectionId} />],
            ["Id", <code>{user.directoryUserId}</code>],
            ...(user.linkedAt === undefined ? [] : ([["Tied by hand to", <code>{id}</code>]] as const)),
          ]}
        />
      ))}
      <p className="quiet">
        A token of theirs is refused? <Go to={`/explain${asked}`}>Explain</Go> says why.
      </p>
    </>
  );
}
