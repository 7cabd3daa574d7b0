/** What the deliveries of one walk add to every event's coming once. */
export type Disturbance =
  | "nothing"
  /** One event comes once more, at any time after its first coming. */
  | "one twice"
  /** One event is taken, and what was done with it is lost; it is taken again, at any time after that. */
  | "one lost and retried"
  /** One event is taken and cannot be applied; it is tried again, at any time after that. */
  | "one failed and retried"
  /** Events are taken together, any of them with any others. */
  | "in batches";

export type Walk<State> = {
  readonly events: number;
  readonly disturbance: Disturbance;
  readonly start: State;
  /** What comes of a state when these events are taken; `fails` where it is the disturbance's failure. */
  readonly next: (state: State, taken: readonly number[], written: number, fails: boolean) => State;
  /** Whether everything is committed before the first event is taken, or each just before it is. */
  readonly writing: "all first" | "as they come";
  /** An event that is in no batch with others. */
  readonly alone?: number;
};

export type Walked<State> = { readonly orders: number; readonly ends: readonly State[] };

type Place<State> = { readonly id: number; readonly state: State; readonly next: Map<number, Place<State>> };

/**
 * Every order in which events can be taken, one after the other and none left out: `orders` says how
 * many. Orders that have come to the same state by the same events go on together and are counted, not
 * repeated.
 */
export function walkEveryOrder<State>(walk: Walk<State>): Walked<State> {
  const { events, disturbance, writing } = walk;
  const all = 2 ** events - 1;
  const places = new Map<string, Place<State>>();
  const ends = new Set<Place<State>>();
  const counted = new Map<string, number>();

  function placeOf(state: State): Place<State> {
    const key = JSON.stringify(state);
    const place = places.get(key) ?? { id: places.size, state, next: new Map() };
    places.set(key, place);
    return place;
  }
  function after(place: Place<State>, mask: number, written: number, fails = false): Place<State> {
    const key = (mask * 2 + Number(fails)) * events + written;
    const found = place.next.get(key) ?? placeOf(walk.next(place.state, indicesOf(mask), written, fails));
    place.next.set(key, found);
    return found;
  }
  /** How many orders lead on from here. */
  function count(place: Place<State>, taken: number, written: number, disturbed: boolean): number {
    if (taken === all && disturbed) {
      ends.add(place);
      return 1;
    }
    const key = [place.id, taken, written, disturbed].join();
    const known = counted.get(key);
    if (known !== undefined) return known;
    const orders =
      disturbance === "in batches" ? batches(place, taken, written) : singles(place, taken, written, disturbed);
    counted.set(key, orders);
    return orders;
  }
  function singles(place: Place<State>, taken: number, written: number, disturbed: boolean): number {
    let orders = 0;
    for (let index = 0; index < events; index += 1) {
      const bit = 2 ** index;
      const now = Math.max(written, index);
      const isTaken = (taken & bit) !== 0;
      if (!isTaken) orders += count(after(place, bit, now), taken | bit, now, disturbed);
      if (disturbed) continue;
      if (disturbance === "one twice" && isTaken) orders += count(after(place, bit, written), taken, written, true);
      if (disturbance === "one lost and retried" && !isTaken) orders += count(place, taken, now, true);
      if (disturbance === "one failed and retried" && !isTaken)
        orders += count(after(place, bit, now, true), taken, now, true);
    }
    return orders;
  }
  function batches(place: Place<State>, taken: number, written: number): number {
    const left = all & ~taken;
    const alone = walk.alone === undefined ? 0 : 2 ** walk.alone;
    let orders = 0;
    for (let mask = left; mask > 0; mask = (mask - 1) & left) {
      if ((mask & alone) !== 0 && mask !== alone) continue;
      const now = Math.max(written, 31 - Math.clz32(mask));
      orders += count(after(place, mask, now), taken | mask, now, true);
    }
    return orders;
  }
  const undisturbed = disturbance === "nothing" || disturbance === "in batches";
  const orders = count(placeOf(walk.start), 0, writing === "all first" ? events - 1 : -1, undisturbed);
  return { orders, ends: [...ends].map(({ state }) => state) };
}

function indicesOf(mask: number): readonly number[] {
  return Array.from({ length: 32 - Math.clz32(mask) }, (_, index) => index).filter(
    (index) => (mask & (2 ** index)) !== 0,
  );
}
