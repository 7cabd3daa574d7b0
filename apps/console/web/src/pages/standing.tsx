import type { ReactNode } from "react";
import type { Overview } from "../api/overview.ts";
import { Go } from "../parts/go.tsx";
import { figure } from "../parts/words.ts";

type CountProps = {
  readonly name: string;
  readonly count: number;
  readonly to?: string;
  readonly bad?: boolean;
  readonly children?: ReactNode;
};

/** The counts of the moment; what needs somebody stands out, and leads to where it is done. */
export function Standing({ overview }: { readonly overview: Overview }) {
  const { people, joinersToday, openAlerts, waiting, deadLetters, gateways } = overview;
  return (
    <ul className="counts" aria-label="How it stands now">
      <Count name="People let in" count={people.admitted} to="/users" />
      <Count name="People shut out" count={people.shutOut} to="/revocations" />
      <Count name="Joiners today" count={joinersToday.count}>
        {figure(joinersToday.applied)} applied
      </Count>
      <Count name="Waiting" count={waiting} to="/events?state=waiting" />
      <Count name="Dead letters" count={deadLetters} to="/deadletters" bad={deadLetters > 0} />
      <Count name="Open alerts" count={openAlerts} to="/alerts" bad={openAlerts > 0} />
      <Count name="Gateways following" count={gateways.following} to="/gateways" bad={gateways.blind > 0}>
        {gateways.blind > 0 ? `${figure(gateways.blind)} blind` : undefined}
      </Count>
    </ul>
  );
}

function Count({ name, count, to, bad = false, children }: CountProps) {
  const shown = (
    <>
      <span className="count-name">{name}</span>
      <span className="count-figure">{figure(count)}</span>
      {children !== undefined && <span className="count-more">{children}</span>}
    </>
  );
  return (
    <li className={bad ? "count bad" : "count"}>{to === undefined ? <div>{shown}</div> : <Go to={to}>{shown}</Go>}</li>
  );
}
