import { useState } from "react";
import type { Connection } from "../api/connections.ts";
import { useMay } from "../api/tenant.ts";
import { Notice } from "../parts/notice.tsx";
import { Page, Section } from "../parts/page.tsx";
import type { Guide } from "../setup/guide.ts";
import { ChooseProvider } from "./choose-provider.tsx";
import { ConnectionCheck } from "./connection-check.tsx";
import { DescribeConnection } from "./describe-connection.tsx";
import { SetupSteps } from "./setup-steps.tsx";

/** What has been made so far. The token is kept nowhere else, so leaving the page forgets it. */
export type Made = { readonly connection: Connection; readonly token: string };

/** From nothing to the first user, with what has to be pasted where. */
export function NewConnectionPage() {
  const mayConnect = useMay("admin");
  const [guide, setGuide] = useState<Guide>();
  const [made, setMade] = useState<Made>();
  const title = guide === undefined ? "Connect an identity provider" : `Connect ${guide.name}`;
  if (!mayConnect)
    return (
      <Page title={title}>
        <Notice tone="late" title="Only an admin of this tenant says who may speak." />
      </Page>
    );
  return (
    <Page
      title={title}
      lead="Choose it, say whose tokens it signs, paste two values there, and watch the first user arrive."
    >
      <Section title="1. Which identity provider">
        <ChooseProvider chosen={guide} fixed={made !== undefined} onChoose={setGuide} />
      </Section>
      {guide !== undefined && (
        <Section title="2. Whose tokens, and how they name a user">
          <DescribeConnection key={guide.kind} guide={guide} made={made} onMade={setMade} />
        </Section>
      )}
      {guide !== undefined && made !== undefined && (
        <>
          <Section title={`3. At ${guide.name}`}>
            <SetupSteps guide={guide} token={made.token} />
          </Section>
          <Section title="4. What arrives">
            <ConnectionCheck slug={made.connection.slug} live />
          </Section>
        </>
      )}
    </Page>
  );
}
