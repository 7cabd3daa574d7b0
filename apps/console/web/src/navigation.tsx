import { Link, useLocation } from "wouter";
import type { TenantSeen } from "./api/session.ts";

type Place = readonly [path: string, name: string];

/** The rooms of a tenant, by what somebody comes for. */
const places: readonly (readonly [group: string, places: readonly Place[]])[] = [
  [
    "Watch",
    [
      ["", "Overview"],
      ["/events", "Events"],
      ["/deadletters", "Dead letters"],
      ["/gateways", "Gateways"],
      ["/alerts", "Alerts"],
      ["/objectives", "Objectives"],
    ],
  ],
  [
    "People",
    [
      ["/users", "Users"],
      ["/groups", "Groups"],
      ["/revocations", "Revocations"],
      ["/refusals", "Refusals"],
      ["/explain", "Explain"],
    ],
  ],
  [
    "In step",
    [
      ["/drift", "Drift and resync"],
      ["/pulls", "Pulls"],
    ],
  ],
  [
    "Set up",
    [
      ["/connections", "Connections"],
      ["/tokens", "Tokens"],
      ["/audit", "Audit"],
    ],
  ],
];

export function Navigation({ tenant }: { readonly tenant: TenantSeen }) {
  const [location] = useLocation();
  const root = `/t/${encodeURIComponent(tenant.slug)}`;
  const isHere = (path: string): boolean =>
    path === "" ? location === root || location === `${root}/` : location.startsWith(root + path);
  return (
    <nav id="navigation" className="navigation" aria-label="Pages of this tenant">
      {places.map(([group, members]) => (
        <div key={group} role="group" aria-label={group}>
          <span className="group" aria-hidden="true">
            {group}
          </span>
          <ul>
            {members.map(([path, name]) => (
              <li key={path}>
                <Link href={root + path} aria-current={isHere(path) ? "page" : undefined}>
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
