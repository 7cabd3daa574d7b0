import { useQuery } from "@tanstack/react-query";
import { Redirect, Route, Switch } from "wouter";
import { type Session, sessionQuery } from "./api/session.ts";
import { PlaceProvider } from "./api/tenant.ts";
import { LoginPage } from "./login-page.tsx";
import { ProblemNotice } from "./parts/notice.tsx";
import { Waiting } from "./parts/asked.tsx";
import { Shell } from "./shell.tsx";
import { TenantRoutes } from "./tenant-routes.tsx";
import { TenantsPage } from "./tenants-page.tsx";

/** Whoever is not logged in sees the login and nothing else; whoever is, the tenants that they may see. */
export function App() {
  const session = useQuery(sessionQuery);
  if (session.isPending) return <Waiting />;
  if (session.data === undefined)
    return (
      <main className="alone">
        <ProblemNotice error={session.error} retry={() => void session.refetch()} />
      </main>
    );
  return session.data === null ? <LoginPage /> : <LoggedIn session={session.data} />;
}

function LoggedIn({ session }: { readonly session: Session }) {
  const [first] = session.tenants;
  const home = first === undefined || session.tenants.length > 1 ? "/tenants" : `/t/${first.slug}`;
  return (
    <Switch>
      <Route path="/">
        <Redirect to={home} replace />
      </Route>
      <Route path="/tenants">
        <Shell session={session} tenant={undefined}>
          <TenantsPage session={session} />
        </Shell>
      </Route>
      <Route path="/t/:tenant/*?">
        {({ tenant }) => <AtTenant session={session} slug={decodeURIComponent(tenant)} />}
      </Route>
      <Route>
        <Redirect to="/" replace />
      </Route>
    </Switch>
  );
}

/** An operator of the house may look at every tenant, also at one that the session did not list. */
function AtTenant({ session, slug }: { readonly session: Session; readonly slug: string }) {
  const listed = session.tenants.find((tenant) => tenant.slug === slug || tenant.id === slug);
  const tenant = listed ?? (session.operator ? { id: slug, slug, name: slug, role: "admin" as const } : undefined);
  if (tenant === undefined) return <Redirect to="/" replace />;
  return (
    <PlaceProvider value={{ session, tenant }}>
      <Shell session={session} tenant={tenant}>
        <TenantRoutes key={tenant.slug} />
      </Shell>
    </PlaceProvider>
  );
}
