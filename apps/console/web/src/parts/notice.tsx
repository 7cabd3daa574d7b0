import type { ReactNode } from "react";
import { isAt, problemOf } from "../api/problem.ts";

export type Tone = "plain" | "good" | "bad" | "late";

type NoticeProps = {
  readonly tone?: Tone;
  readonly title?: ReactNode;
  readonly children?: ReactNode;
  readonly alert?: boolean;
};

export function Notice({ tone = "plain", title, children, alert = false }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} {...(alert ? { role: "alert" } : {})}>
      {title !== undefined && <strong>{title}</strong>}
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}

const titles: Readonly<Record<string, string>> = {
  unreachable: "The service does not answer",
  unavailable: "The service cannot answer now",
  role_insufficient: "You may not do this",
  not_found: "There is nothing here",
  version_conflict: "Somebody else has changed this meanwhile",
};

/** A refusal in the service's own words, with the id under which its log knows the request. */
export function ProblemNotice({
  error,
  retry,
  beside = [],
}: {
  readonly error: unknown;
  readonly retry?: (() => void) | undefined;
  /** Names of fields that say themselves what is wrong with them. */
  readonly beside?: readonly string[];
}) {
  const { code, message, requestId, fields, status } = problemOf(error);
  const rest = fields.filter(({ at }) => !beside.some((name) => isAt(at, name)));
  return (
    <Notice tone="bad" alert title={titles[code] ?? (status >= 500 ? "The service failed" : "That was refused")}>
      {fields.length === 0 ? (
        <p>{message}.</p>
      ) : rest.length === 0 ? (
        <p>What is wrong is said at its field.</p>
      ) : (
        <ul>
          {rest.map(({ at, message: said }) => (
            <li key={at + said}>{at === "" ? said : `${at}: ${said}`}</li>
          ))}
        </ul>
      )}
      {requestId !== undefined && (
        <p className="quiet">
          Request <code>{requestId}</code>
        </p>
      )}
      {retry !== undefined && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </Notice>
  );
}

/** Nothing is here yet; what would bring something. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}
