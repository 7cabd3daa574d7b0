import { Link, useLocation, useSearch } from "wouter";
import { withQuery } from "../api/request.ts";

export type Choices<Value extends string> = readonly (readonly [value: Value, name: string])[];

/** Which of several ways to look at a list; it is in the address, and the first where nothing is said. */
export function useTab<Value extends string>(name: string, choices: Choices<Value>): Value {
  const asked = new URLSearchParams(useSearch()).get(name);
  const [first] = choices;
  const found = choices.find(([value]) => value === asked) ?? first;
  if (found === undefined) throw new Error("there is nothing to choose from");
  return found[0];
}

type TabsProps<Value extends string> = {
  readonly name: string;
  readonly label: string;
  readonly choices: Choices<Value>;
  /** What else of the address stays: by what the list is narrowed, whichever way one looks at it. */
  readonly keep?: readonly string[];
};

export function Tabs<Value extends string>({ name, label, choices, keep = [] }: TabsProps<Value>) {
  const [location] = useLocation();
  const search = new URLSearchParams(useSearch());
  const chosen = useTab(name, choices);
  const kept = Object.fromEntries(keep.map((each) => [each, search.get(each) ?? undefined]));
  return (
    <nav className="tabs" aria-label={label}>
      {choices.map(([value, words], index) => (
        <Link
          key={value}
          href={withQuery(location, { [name]: index === 0 ? undefined : value, ...kept })}
          aria-current={value === chosen ? "page" : undefined}
        >
          {words}
        </Link>
      ))}
    </nav>
  );
}
