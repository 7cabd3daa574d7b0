import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { useLive } from "./api/live.ts";
import { request } from "./api/request.ts";
import { type Session, sessionQuery, type TenantSeen } from "./api/session.ts";
import { Navigation } from "./navigation.tsx";
import { announce, useAnnouncements } from "./parts/announcements.ts";
import { type Theme, themes, useTheme } from "./parts/theme.ts";
import { Wordmark } from "./parts/wordmark.tsx";

type ShellProps = { readonly session: Session; readonly tenant: TenantSeen | undefined; readonly children: ReactNode };

/** What is around every page: where one is, where one may go, and whether what one sees is live. */
export function Shell({ session, tenant, children }: ShellProps) {
  const [location] = useLocation();
  // A menu has done its work once somebody is on another page, so it is open at one page alone.
  const [openAt, setOpenAt] = useState<string>();
  const open = openAt === location;
  return (
    <div className={`shell ${open ? "menu-open" : ""}`}>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="bar">
        {tenant !== undefined && (
          <button
            type="button"
            className="button menu-button"
            aria-expanded={open}
            aria-controls="navigation"
            onClick={() => setOpenAt(open ? undefined : location)}
          >
            Menu
          </button>
        )}
        <Link href="/" className="home" aria-label="Rollcall, start">
          <Wordmark />
        </Link>
        {tenant !== undefined && <TenantSwitch session={session} tenant={tenant} />}
        <div className="bar-end">
          {tenant !== undefined && <LiveMark tenant={tenant.slug} />}
          <ThemeSwitch />
          <Account session={session} />
        </div>
      </header>
      {tenant !== undefined && <Navigation tenant={tenant} />}
      <main id="page" tabIndex={-1} className="page">
        {children}
      </main>
      <Announcements />
    </div>
  );
}

function TenantSwitch({ session, tenant }: { readonly session: Session; readonly tenant: TenantSeen }) {
  const [, navigate] = useLocation();
  const known = session.tenants.some(({ slug }) => slug === tenant.slug)
    ? session.tenants
    : [tenant, ...session.tenants];
  if (known.length === 1 && !session.operator) return <span className="tenant-name">{tenant.name}</span>;
  return (
    <label className="tenant-switch">
      <span className="unseen">Tenant</span>
      <select
        value={tenant.slug}
        onChange={(event) =>
          navigate(event.target.value === "" ? "/tenants" : `/t/${encodeURIComponent(event.target.value)}`)
        }
      >
        {known.map(({ slug, name }) => (
          <option key={slug} value={slug}>
            {name}
          </option>
        ))}
        {session.operator && <option value="">All tenants …</option>}
      </select>
    </label>
  );
}

const liveWords = {
  connecting: ["waiting", "Connecting"],
  live: ["in", "Live"],
  polling: ["late", "Every 10 s"],
} as const;

function LiveMark({ tenant }: { readonly tenant: string }) {
  const [standing, words] = liveWords[useLive(tenant)];
  return (
    <span className={`mark live ${standing}`} role="status" title="Whether what you see follows what happens">
      <span className="glyph" aria-hidden="true" />
      {words}
    </span>
  );
}

const themeNames: Readonly<Record<Theme, string>> = { system: "Auto", light: "Light", dark: "Dark" };

function ThemeSwitch() {
  const [theme, choose] = useTheme();
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  return (
    <button type="button" className="button small theme" onClick={() => choose(next)}>
      <span className="unseen">Colours: </span>
      {themeNames[theme]}
    </button>
  );
}

function Account({ session }: { readonly session: Session }) {
  const client = useQueryClient();
  const logout = useMutation({
    mutationFn: () => request("POST", "/v1/admin/logout", {}),
    onSuccess: () => {
      client.setQueryData(sessionQuery.queryKey, null);
      client.removeQueries({ predicate: ({ queryKey: [place] }) => place !== sessionQuery.queryKey[0] });
    },
    onError: () => announce("The service does not answer: you are still logged in"),
  });
  return (
    <span className="account">
      <span className="who" title={session.actor}>
        {session.label}
      </span>
      <button type="button" className="button small" onClick={() => logout.mutate()}>
        Log out
      </button>
    </span>
  );
}

/** What was just done, for who looks and for who listens. */
function Announcements() {
  const said = useAnnouncements();
  return (
    <div className="announcements" role="status" aria-live="polite">
      {said.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
