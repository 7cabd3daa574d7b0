const shared: readonly object[] = [Object, Array, String, Number, Boolean, Function, Map, Set, Error, RegExp].flatMap(
  (constructor) => [constructor, constructor.prototype as object],
);

/** What everything inherits, as it was before anything was read. */
export type Stock = readonly string[];

export function takeStock(): Stock {
  return shared.map(namesOf);
}

/** Whether every object has names that it was not given; costs next to nothing. */
export function isPolluted(): boolean {
  for (const _name in {}) return true;
  return false;
}

/** What an input left on an object that everything inherits from; undefined where it left nothing. */
export function pollutionOf(stock: Stock): string | undefined {
  const at = shared.findIndex((object, index) => namesOf(object) !== stock[index]);
  return at === -1 ? undefined : `something that everything inherits from has changed: ${namesOf(shared[at] ?? {})}`;
}

function namesOf(object: object): string {
  return Reflect.ownKeys(object).map(String).join(" ");
}
