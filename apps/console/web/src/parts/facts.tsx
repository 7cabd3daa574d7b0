import type { ReactNode } from "react";

export type Fact = readonly [name: string, value: ReactNode];

/** Names and what they are. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Any JSON, as it was noted. */
export function Noted({ value, otherwise }: { readonly value: unknown; readonly otherwise?: string }) {
  if (value === null || value === undefined)
    return otherwise === undefined ? null : <span className="quiet">{otherwise}</span>;
  return (
    <pre className="noted">
      <code>{JSON.stringify(value, null, 2)}</code>
    </pre>
  );
}
