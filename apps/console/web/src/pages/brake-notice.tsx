import type { Brake } from "../api/pulls.ts";
import { Notice } from "../parts/notice.tsx";
import { figure } from "../parts/words.ts";

/** Why a listing was stopped, in figures. */
export function BrakeNotice({
  brake: { cause, would, of, share, count },
  stopped,
}: {
  readonly brake: Brake;
  readonly stopped: boolean;
}) {
  const percent = of === 0 ? 100 : Math.round((would / of) * 1_000) / 10;
  const what = cause === "changed" ? "change" : "shut out";
  return (
    <Notice
      tone={stopped ? "late" : "plain"}
      title={`This listing would ${what} ${figure(would)} of ${figure(of)} users, ${percent} %.`}
    >
      <p>
        The brake stops whatever would {what} more than {figure(count)} users and more than{" "}
        {Math.round(share * 1_000) / 10} % at once, because a filter that was changed by mistake, or a list that broke
        off, is likelier than that. {stopped && "Nothing of it has been applied."}
      </p>
    </Notice>
  );
}
