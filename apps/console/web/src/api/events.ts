export type EventState = "waiting" | "applied" | "dead" | "dropped";

export type AdminEvent = {
  readonly id: number;
  readonly connectionId: string;
  readonly source: string;
  readonly kind: string;
  readonly subjectKind: "user" | "group";
  readonly subjectId: string;
  readonly denying: boolean;
  readonly lane: number;
  readonly state: EventState;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly occurredAt: string | null;
  readonly acceptedAt: string;
  readonly nextAttemptAt: string | null;
  readonly appliedAt: string | null;
  readonly deadAt: string | null;
};

export type AdminEventShown = AdminEvent & {
  readonly sourceEventId?: string;
  /** How many events of its lane go before it. */
  readonly ahead?: number;
  readonly version: number | null;
  readonly appliedVersion: number | null;
};

export type DeadLetter = {
  readonly id: number;
  readonly connectionId: string;
  readonly kind: string;
  readonly subjectKind: "user" | "group";
  readonly subjectId: string;
  readonly denying: boolean;
  readonly attempts: number;
  readonly reason: string | null;
  readonly acceptedAt: string;
  readonly deadAt: string;
  readonly state: "open" | "superseded" | "dropped";
};

export type DeadLetterShown = DeadLetter & { readonly source: string; readonly denials: readonly string[] };

/** Where the subject of an event is looked at. */
export function subjectPath({ subjectKind, subjectId }: Pick<AdminEvent, "subjectKind" | "subjectId">): string {
  return subjectKind === "user" ? `/users/${subjectId}` : `/groups/${subjectId}`;
}
