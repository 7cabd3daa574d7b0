import { Page } from "../parts/page.tsx";
import { Tabs, useTab } from "../parts/tabs.tsx";
import { AlertList } from "./alert-list.tsx";

const choices = [
  ["open", "Open"],
  ["all", "All"],
] as const;

export function AlertsPage() {
  const state = useTab("state", choices);
  return (
    <Page title="Alerts" lead="What needs somebody. An alert closes by itself once its cause is gone.">
      <Tabs name="state" label="Which alerts" choices={choices} />
      <AlertList key={state} state={state} />
    </Page>
  );
}
