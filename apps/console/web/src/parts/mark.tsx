import type { ReactNode } from "react";

/** How something stands. Each has a shape of its own, so that nobody has to tell colours apart. */
export type Standing = "in" | "out" | "late" | "waiting" | "unknown" | "plain";

export function Mark({ standing, children }: { readonly standing: Standing; readonly children: ReactNode }) {
  return (
    <span className={`mark ${standing}`}>
      <span className="glyph" aria-hidden="true" />
      {children}
    </span>
  );
}

/** What nobody has said, which is not the same as none. */
export function Unknown({ children = "unknown" }: { readonly children?: ReactNode }) {
  return <span className="unknown">{children}</span>;
}
