import { type ComponentType, lazy, Suspense } from "react";
import { Route, Switch, useLocation } from "wouter";
import { Waiting } from "./parts/asked.tsx";
import { FailureBoundary } from "./parts/failure-boundary.tsx";
import { Go } from "./parts/go.tsx";
import { Notice } from "./parts/notice.tsx";
import { Page } from "./parts/page.tsx";
import { OverviewPage } from "./pages/overview-page.tsx";

/** A page is loaded when somebody comes to it. */
function page<Module>(load: () => Promise<Module>, name: keyof Module): ComponentType {
  return lazy(async () => ({ default: (await load())[name] as ComponentType }));
}

const routes: readonly (readonly [path: string, page: ComponentType])[] = [
  // The page that most come to is there from the beginning: React shows what it had to wait for a third of a second late.
  ["/", OverviewPage],
  ["/users", page(() => import("./pages/users-page.tsx"), "UsersPage")],
  ["/users/:id", page(() => import("./pages/person-page.tsx"), "PersonPage")],
  ["/groups", page(() => import("./pages/groups-page.tsx"), "GroupsPage")],
  ["/groups/:id", page(() => import("./pages/group-page.tsx"), "GroupPage")],
  ["/events", page(() => import("./pages/events-page.tsx"), "EventsPage")],
  ["/events/:id", page(() => import("./pages/event-page.tsx"), "EventPage")],
  ["/deadletters", page(() => import("./pages/dead-letters-page.tsx"), "DeadLettersPage")],
  ["/deadletters/:id", page(() => import("./pages/dead-letter-page.tsx"), "DeadLetterPage")],
  ["/gateways", page(() => import("./pages/gateways-page.tsx"), "GatewaysPage")],
  ["/alerts", page(() => import("./pages/alerts-page.tsx"), "AlertsPage")],
  ["/objectives", page(() => import("./pages/objectives-page.tsx"), "ObjectivesPage")],
  ["/revocations", page(() => import("./pages/revocations-page.tsx"), "RevocationsPage")],
  ["/refusals", page(() => import("./pages/refusals-page.tsx"), "RefusalsPage")],
  ["/explain", page(() => import("./pages/explain-page.tsx"), "ExplainPage")],
  ["/drift", page(() => import("./pages/drift-page.tsx"), "DriftPage")],
  ["/resyncs/:id", page(() => import("./pages/resync-page.tsx"), "ResyncPage")],
  ["/pulls", page(() => import("./pages/pulls-page.tsx"), "PullsPage")],
  ["/pulls/:id", page(() => import("./pages/pull-page.tsx"), "PullPage")],
  ["/connections", page(() => import("./pages/connections-page.tsx"), "ConnectionsPage")],
  ["/connections/new", page(() => import("./pages/new-connection-page.tsx"), "NewConnectionPage")],
  ["/connections/:id", page(() => import("./pages/connection-page.tsx"), "ConnectionPage")],
  ["/tokens", page(() => import("./pages/tokens-page.tsx"), "TokensPage")],
  ["/audit", page(() => import("./pages/audit-page.tsx"), "AuditPage")],
];

export function TenantRoutes() {
  const [location] = useLocation();
  return (
    <FailureBoundary key={location}>
      <Suspense fallback={<Waiting lines={6} />}>
        <Switch>
          {routes.map(([path, Shown]) => (
            <Route key={path} path={`/t/:tenant${path === "/" ? "/?" : path}`} component={Shown} />
          ))}
          <Route>
            <NoSuchPage />
          </Route>
        </Switch>
      </Suspense>
    </FailureBoundary>
  );
}

function NoSuchPage() {
  return (
    <Page title="There is no such page">
      <Notice>
        <Go to="">Go to the overview</Go>
      </Notice>
    </Page>
  );
}
