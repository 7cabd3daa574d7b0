import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { Problem } from "./problem.ts";
import { request } from "./request.ts";
import { useApiPath, usePlace } from "./tenant.ts";
import type { Topic } from "./topics.ts";

type Asking<Answer> = {
  /** Left out where there is nothing to ask yet. */
  readonly enabled?: boolean;
  /** Asks again by itself, whatever the stream says, for as long as the answer is one to wait on. */
  readonly everyMs?: (answer: Answer | undefined) => number | undefined;
  /** Shows the answer before while the next is on its way, as from page to page. */
  readonly keep?: boolean;
};

/** What the admin API answers below the tenant; asked for again when the stream tells of its topic. */
export function useAnswer<Answer>(
  topic: Topic,
  path: string,
  asking: Asking<Answer> = {},
): UseQueryResult<Answer, Problem> {
  const { tenant } = usePlace();
  const apiPath = useApiPath();
  const { everyMs } = asking;
  return useQuery<Answer, Problem>({
    queryKey: [tenant.slug, topic, path],
    queryFn: () => request<Answer>("GET", apiPath(path)),
    enabled: asking.enabled ?? true,
    ...(everyMs === undefined ? {} : { refetchInterval: ({ state }) => everyMs(state.data) ?? false }),
    ...(asking.keep === true ? { placeholderData: keepPreviousData } : {}),
  });
}
