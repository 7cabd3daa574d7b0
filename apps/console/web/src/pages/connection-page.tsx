import { useState } from "react";
import { useParams } from "wouter";
import type { Connection } from "../api/connections.ts";
import { useMay } from "../api/tenant.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { type Fact, Facts } from "../parts/facts.tsx";
import { Go } from "../parts/go.tsx";
import { Mark } from "../parts/mark.tsx";
import { Notice } from "../parts/notice.tsx";
import { Page, Section } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { When } from "../parts/time.tsx";
import { span } from "../parts/words.ts";
import { guideOf } from "../setup/guides.ts";
import { CanarySection } from "./canary-section.tsx";
import { ConnectionActs } from "./connection-acts.tsx";
import { ConnectionCheck } from "./connection-check.tsx";
import { Rule } from "./connections-page.tsx";
import { PullSchedule } from "./pull-schedule.tsx";
import { SetupSteps } from "./setup-steps.tsx";

/** One connection: its settings, whether it works, and how it is set up at the provider. */
export function ConnectionPage() {
  const { id = "" } = useParams();
  const mayCheck = useMay("operator");
  const [token, setToken] = useState<string>();
  const connection = useAnswer<Connection>("connections", `/connections/${encodeURIComponent(id)}`);
  return (
    <Page
      title={connection.data?.name ?? id}
      actions={connection.data && <ConnectionActs connection={connection.data} onToken={setToken} />}
    >
      <Asked query={connection} lines={6}>
        {(seen) => (
          <>
            {seen.pausedAt && (
              <Notice tone="late" title="It is paused: it takes denials and nothing else.">
                Since <When at={seen.pausedAt} />.
              </Notice>
            )}
            <Facts facts={factsOf(seen)} />
            {mayCheck && (
              <Section title="Does it work">
                <ConnectionCheck slug={seen.slug} live={false} />
              </Section>
            )}
            <PullSchedule connection={seen} />
            <CanarySection slug={seen.slug} />
            <details className="details" open={token !== undefined}>
              <summary>How it is set up at {guideOf(seen.kind).name}</summary>
              <SetupSteps guide={guideOf(seen.kind)} token={token} />
            </details>
            <Dialect connection={seen} />
          </>
        )}
      </Asked>
    </Page>
  );
}

function factsOf(connection: Connection): readonly Fact[] {
  const { slug, kind, issuers, audience, subjectCompare, tokenLifetimeSec } = connection;
  return [
    ["Slug", <code>{slug}</code>],
    ["Provider", guideOf(kind).name],
    [
      "Issuers",
      issuers.length === 0 ? (
        <Mark standing="late">none: no token is anybody's</Mark>
      ) : (
        issuers.map((issuer) => (
          <div key={issuer} className="breaks">
            {issuer}
          </div>
        ))
      ),
    ],
    ["Audience", audience ?? "any"],
    ["A token finds its user by", <Rule connection={connection} />],
    ["Compared", subjectCompare === "exact" ? "exactly" : "without case"],
    ["A token lives at most", span(tokenLifetimeSec * 1_000)],
    ["What it sent", <Go to={`/events?connection=${slug}`}>its events</Go>],
  ];
}

type DialectRule = NonNullable<Connection["rules"]>[number];

function Dialect({ connection: { rules = [] } }: { readonly connection: Connection }) {
  if (rules.length === 0) return null;
  return (
    <details className="details">
      <summary>How its requests are read and answered</summary>
      <Table<DialectRule>
        label="Rules of its dialect"
        rows={rules}
        rowKey={({ rule }) => rule}
        columns={[
          { head: "Rule", cell: ({ rule }) => <code>{rule}</code> },
          { head: "Means", cell: ({ means }) => means },
          { head: "Set by", cell: ({ from }) => (from === "kind" ? "its kind" : "an admin") },
        ]}
      />
    </details>
  );
}
