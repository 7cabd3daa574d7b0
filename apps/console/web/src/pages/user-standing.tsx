import { reasonWords, type UserSummary } from "../api/people.ts";
import { Mark } from "../parts/mark.tsx";

type Seen = Pick<UserSummary, "active" | "deletedAt" | "behind" | "denials">;

/** Whether the application lets somebody in, and what says otherwise. */
export function UserStanding({ user: { active, deletedAt, behind, denials } }: { readonly user: Seen }) {
  return (
    <>
      {denials.length > 0 ? (
        <Mark standing="out">{denials.map(reasonWords).join(", ")}</Mark>
      ) : deletedAt !== undefined ? (
        <Mark standing="out">deleted</Mark>
      ) : behind ? null : active ? (
        <Mark standing="in">let in</Mark>
      ) : (
        <Mark standing="out">inactive</Mark>
      )}
      {behind && <Mark standing="waiting">a change is not applied yet</Mark>}
    </>
  );
}
