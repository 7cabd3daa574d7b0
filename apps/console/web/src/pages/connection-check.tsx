import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { ConnectionCheck as Check } from "../api/connections.ts";
import type { Problem } from "../api/problem.ts";
import { request } from "../api/request.ts";
import { useApiPath, usePlace } from "../api/tenant.ts";
import { announce } from "../parts/announcements.ts";
import { Asked } from "../parts/asked.tsx";
import { Mark } from "../parts/mark.tsx";
import { Notice } from "../parts/notice.tsx";
import { wordsOf } from "../parts/words.ts";

const waitingMs = 2_000;
/** What is not for the identity provider to bring: users arrive without it, though no token is believed. */
const besides = ["issuer_keys_fetched", "provider_answers"];
type Answer = { readonly checks: readonly Check[] };

/** What of a set-up works already and what is still missing; live, it goes on asking until users have arrived. */
export function ConnectionCheck({ slug, live }: { readonly slug: string; readonly live: boolean }) {
  const { tenant } = usePlace();
  const apiPath = useApiPath();
  const check = useQuery<Answer, Problem>({
    // Not of a topic: it asks by itself, and it asks the issuer, too.
    queryKey: [tenant.slug, "check", slug],
    queryFn: () => request<Answer>("POST", apiPath(`/connections/${encodeURIComponent(slug)}/test`), {}),
    refetchInterval: ({ state: { data } }) => (live && !hasArrived(data) ? waitingMs : false),
  });
  useTold(check.data);
  return (
    <Asked query={check} lines={4}>
      {({ checks }) => (
        <>
          <Headline checks={checks} live={live} />
          <ul className="checks">
            {checks.map((each) => (
              <Checked
                key={each.name + (each.name === "issuer_keys_fetched" ? (each.detail ?? "") : "")}
                check={each}
              />
            ))}
          </ul>
        </>
      )}
    </Asked>
  );
}

function Headline({ checks, live }: Answer & { readonly live: boolean }) {
  if (!hasArrived({ checks }))
    return live && <Notice title="Waiting for the identity provider. This page follows by itself." />;
  if (checks.some(({ ok }) => ok === false))
    return <Notice tone="late" title="Users have arrived. What is marked below is still to be seen to." />;
  return <Notice tone="good" title="It works: users have arrived, and their tokens find them." />;
}

function Checked({ check: { name, ok, detail, fix } }: { readonly check: Check }) {
  return (
    <li>
      <Mark standing={ok === null ? "unknown" : ok ? "in" : "waiting"}>
        {wordsOf(name)}
        <span className="unseen">: {ok === null ? "unknown" : ok ? "yes" : "not yet"}</span>
      </Mark>
      {detail !== null && detail !== undefined && <p className="breaks">{detail}</p>}
      {ok !== true && fix !== null && fix !== undefined && <p className="quiet breaks">{fix}</p>}
    </li>
  );
}

function hasArrived(answer: Answer | undefined): boolean {
  return (
    answer !== undefined &&
    answer.checks.length > 0 &&
    answer.checks.every(({ name, ok }) => ok !== false || besides.includes(name))
  );
}

/** Says what has arrived since the last look. */
function useTold(answer: Answer | undefined): void {
  const known = useRef<ReadonlySet<string>>(undefined);
  useEffect(() => {
    if (answer === undefined) return;
    const there = new Set(answer.checks.filter(({ ok }) => ok === true).map(({ name }) => name));
    const fresh = known.current === undefined ? [] : [...there].filter((name) => known.current?.has(name) === false);
    known.current = there;
    for (const name of fresh) announce(`Arrived: ${wordsOf(name)}`);
  }, [answer]);
}
