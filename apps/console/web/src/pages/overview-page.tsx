import type { Overview } from "../api/overview.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "../parts/asked.tsx";
import { Go } from "../parts/go.tsx";
import { Page, Section } from "../parts/page.tsx";
import { AlertList } from "./alert-list.tsx";
import { GatewayList } from "./gateway-list.tsx";
import { LagSection } from "./lag-section.tsx";
import { LeaversToday } from "./leavers-today.tsx";
import { Line } from "./line.tsx";
import { SilentConnections } from "./silent-connections.tsx";
import { Standing } from "./standing.tsx";

/** How the tenant stands: whether leavers are out everywhere, and what needs somebody. */
export function OverviewPage() {
  const overview = useAnswer<Overview>("overview", "/overview");
  return (
    <Page title="Overview" lead="From the identity provider to the last gateway, today.">
      <Asked query={overview} lines={6}>
        {(seen) => (
          <>
            <Line lag={seen.lag} />
            <Standing overview={seen} />
            <LeaversToday leavers={seen.leaversToday} />
          </>
        )}
      </Asked>
      <LagSection />
      <Section title="Open alerts" aside={<Go to="/alerts">All alerts</Go>}>
        <AlertList state="open" short />
      </Section>
      <Section title="Who enforces" aside={<Go to="/gateways">All gateways</Go>}>
        <GatewayList short />
      </Section>
      <Section title="Connections" aside={<Go to="/connections">All connections</Go>}>
        <Asked query={overview}>{({ connections }) => <SilentConnections connections={connections} />}</Asked>
      </Section>
    </Page>
  );
}
