import { useLocation, useParams } from "wouter";
import { type GroupMember, type GroupShown, reasonWords } from "../api/people.ts";
import { useMay, usePagePath } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Facts } from "../parts/facts.tsx";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty, ProblemNotice } from "../parts/notice.tsx";
import { Page, Section } from "../parts/page.tsx";
import { When } from "../parts/time.tsx";
import { figure } from "../parts/words.ts";
import { ConnectionName } from "./connection-name.tsx";

/** A group and whom it holds, a page of members at a time. */
export function GroupPage() {
  const { id = "" } = useParams();
  const group = useAnswer<GroupShown>("groups", `/groups/${encodeURIComponent(id)}`);
  return (
    <Page title={group.data?.displayName ?? "Group"} actions={<ResyncGroup id={id} />}>
      <Asked query={group}>{(seen) => <What group={seen} />}</Asked>
      <Section title="Members" aside={<Go to="/groups">All groups</Go>}>
        <KeysetList<GroupMember>
          topic="groups"
          path={`/groups/${encodeURIComponent(id)}/members`}
          label="Members"
          rowKey={({ kind, id: member }) => kind + member}
          empty={<Empty title="Nobody is in this group" />}
          columns={[
            {
              head: "Member",
              cell: ({ kind, id: member, userId, name }) => (
                <Go to={kind === "User" ? `/users/${userId ?? member}` : `/groups/${member}`} className="breaks">
                  {name === "" ? member : name}
                </Go>
              ),
            },
            { head: "Is a", cell: ({ kind }) => kind.toLowerCase() },
            {
              head: "Standing",
              cell: ({ kind, denials }) =>
                kind === "Group" ? (
                  "within it"
                ) : denials.length === 0 ? (
                  <Mark standing="in">let in</Mark>
                ) : (
                  <Mark standing="out">{denials.map(reasonWords).join(", ")}</Mark>
                ),
            },
            { head: "Since", cell: ({ since }) => <When at={since} /> },
          ]}
        />
      </Section>
    </Page>
  );
}

function What({ group }: { readonly group: GroupShown }) {
  return (
    <Facts
      facts={[
        ["Members", figure(group.members)],
        ["Users whom the application has in it", figure(group.admitted)],
        [
          "Members who came before their user",
          group.parked === 0 ? "none" : <Mark standing="waiting">{figure(group.parked)}</Mark>,
        ],
        [
          "Standing",
          group.behind ? <Mark standing="waiting">a change waits</Mark> : <Mark standing="in">in step</Mark>,
        ],
        ["Connection", <ConnectionName id={group.connectionId} />],
        ["externalId", group.externalId ? <code className="breaks">{group.externalId}</code> : "none"],
      ]}
    />
  );
}

function ResyncGroup({ id }: { readonly id: string }) {
  const mayAct = useMay("operator");
  const [, navigate] = useLocation();
  const pagePath = usePagePath();
  const start = useAct<{ readonly id: string }>({
    changes: ["runs"],
    done: "Resync started",
    onDone: (run) => navigate(pagePath(`/resyncs/${run.id}`)),
  });
  if (!mayAct) return null;
  return (
    <>
      <button
        type="button"
        className="button"
        disabled={start.isPending}
        onClick={() => start.mutate({ method: "POST", path: "/resyncs", body: { scope: "group", groupId: id } })}
      >
        Resync
      </button>
      {start.error !== null && <ProblemNotice error={start.error} />}
    </>
  );
}
