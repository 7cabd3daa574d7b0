import { type ReactNode, useEffect, useRef } from "react";
import { useHistoryState } from "wouter/use-browser-location";

type PageProps = {
  readonly title: string;
  /** One sentence that says what the page is for. */
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
};

/** Set once somebody has gone from one page to another: the first page of all takes no focus from anybody. */
let visited = false;

/** A page: its heading takes the focus whenever somebody comes to it, so that a screen reader says where one is. */
export function Page({ title, lead, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Rollcall`;
  }, [title]);
  useEffect(() => {
    if (visited) heading.current?.focus();
    visited = true;
  }, []);
  return (
    <>
      <header className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead !== undefined && <p className="lead">{lead}</p>}
        </div>
        {actions !== undefined && <div className="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

type SectionProps = { readonly title: string; readonly aside?: ReactNode; readonly children: ReactNode };

/** A part of a page, with a heading of its own. */
export function Section({ title, aside, children }: SectionProps) {
  return (
    <section className="section">
      <header>
        <h2>{title}</h2>
        {aside !== undefined && <div className="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** What a link within the pages carried along. */
export function useCarried<State>(): State | undefined {
  return useHistoryState<State | undefined>() ?? undefined;
}
