import { Component, type ReactNode } from "react";
import { Problem, problemOf } from "../api/problem.ts";
import { ProblemNotice } from "./notice.tsx";

type Props = { readonly children: ReactNode };
type State = { readonly error: unknown };

/** Holds what breaks in a page to that page. A class, because React knows no other way to catch it. */
export class FailureBoundary extends Component<Props, State> {
  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override readonly state: State = { error: undefined };

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    // A page that cannot be loaded is one of a version that is not served any more.
    const shown = error instanceof Problem ? error : problemOf(error);
    return <ProblemNotice error={shown} retry={() => window.location.reload()} />;
  }
}
