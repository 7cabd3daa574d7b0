import { useMutation, type UseMutationResult, useQueryClient } from "@tanstack/react-query";
import { announce } from "../parts/announcements.ts";
import type { Problem } from "./problem.ts";
import { type Method, request } from "./request.ts";
import { useApiPath, usePlace } from "./tenant.ts";
import { invalidate, type Topic } from "./topics.ts";

export type Act = { readonly method: Method; readonly path: string; readonly body?: unknown };

type Acting<Answer> = {
  /** What is to be shown anew. */
  readonly changes: readonly Topic[];
  /** Told to everybody who looks or listens once it is done. */
  readonly done?: string;
  readonly onDone?: (answer: Answer) => void;
};

/** Does something below the tenant. Its refusal is for the caller to show, beside what was asked for. */
export function useAct<Answer = unknown>({
  changes,
  done,
  onDone,
}: Acting<Answer>): UseMutationResult<Answer, Problem, Act> {
  const client = useQueryClient();
  const { tenant } = usePlace();
  const apiPath = useApiPath();
  return useMutation<Answer, Problem, Act>({
    mutationFn: ({ method, path, body }) => request<Answer>(method, apiPath(path), body),
    onSuccess: async (answer) => {
      if (done !== undefined) announce(done);
      onDone?.(answer);
      await invalidate(client, tenant.slug, [...changes, "audit"]);
    },
  });
}
