import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type SyntheticEvent, useEffect, useRef } from "react";
import { type Problem, problemAt } from "../api/problem.ts";
import { type Method, requestTagged, type Tagged } from "../api/request.ts";
import { useApiPath, usePlace } from "../api/tenant.ts";
import { invalidate, type Topic } from "../api/topics.ts";
import { announce } from "./announcements.ts";
import { Asked } from "./asked.tsx";
import { Dialog } from "./dialog.tsx";
import { ProblemNotice } from "./notice.tsx";

/** What the API says is wrong with what a field says, by the name that it has there. */
export type ProblemAt = (name: string) => string | undefined;

type ChangeProps<Answer, Changed> = {
  readonly title: string;
  /** Where it is read; also where it is changed, unless `changedAt` says otherwise. */
  readonly path: string;
  readonly changedAt?: string;
  readonly method: Extract<Method, "PATCH" | "PUT">;
  /** What the button says: the deed itself. */
  readonly deed: string;
  readonly bodyOf: (form: FormData) => unknown;
  /** The names that the API has for what the fields say. */
  readonly fields: readonly string[];
  /** What is to be shown anew. */
  readonly changes: readonly Topic[];
  readonly done: (changed: Changed) => string;
  readonly onClose: () => void;
  readonly children: (answer: Answer, problemAt: ProblemAt) => ReactNode;
};

/** Changes something as it was when the form was opened; whoever was quicker is not overwritten. */
export function ChangeDialog<Answer, Changed = unknown>(props: ChangeProps<Answer, Changed>) {
  const { tenant } = usePlace();
  const path = useApiPath()(props.path);
  const asked = useQuery<Tagged<Answer>, Problem>({
    queryKey: [tenant.slug, "change", path],
    queryFn: () => requestTagged<Answer>("GET", path),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <Asked query={asked} lines={6}>
        {({ answer, tag }) => <ChangeForm {...props} answer={answer} tag={tag} />}
      </Asked>
    </Dialog>
  );
}

type FormProps<Answer, Changed> = ChangeProps<Answer, Changed> & {
  readonly answer: Answer;
  readonly tag: string | undefined;
};

function ChangeForm<Answer, Changed>({ answer, tag, children, ...props }: FormProps<Answer, Changed>) {
  const { path, changedAt = path, method, deed, bodyOf, fields, changes, done, onClose } = props;
  const client = useQueryClient();
  const { tenant } = usePlace();
  const apiPath = useApiPath();
  const form = useRef<HTMLFormElement>(null);
  const change = useMutation<Tagged<Changed>, Problem, unknown>({
    mutationFn: (body) => requestTagged(method, apiPath(changedAt), body, tag),
    onSuccess: async ({ answer: changed }) => {
      announce(done(changed));
      onClose();
      await invalidate(client, tenant.slug, [...changes, "audit"]);
    },
  });
  const { error } = change;
  useEffect(() => {
    // Where it has to be put right, and where a screen reader says what is wrong.
    if (error !== null) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [error]);
  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    change.mutate(bodyOf(new FormData(event.currentTarget)));
  };
  return (
    <form ref={form} className="form" onSubmit={submit}>
      {children(answer, (name) => problemAt(error, name))}
      {error !== null && <ProblemNotice error={error} beside={fields} />}
      <div className="form-end">
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="button primary" disabled={change.isPending}>
          {deed}
        </button>
      </div>
    </form>
  );
}
