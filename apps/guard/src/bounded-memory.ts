export type BoundedMemory<K, V> = {
  readonly recall: (key: K) => V | undefined;
  readonly remember: (key: K, value: V) => void;
  readonly forget: (key: K) => void;
  readonly clear: () => void;
};

/** Holds at most `countMax` values and lets go of the one unused for longest. */
export function createBoundedMemory<K, V>(countMax: number): BoundedMemory<K, V> {
  const values = new Map<K, V>();
  return {
    recall: (key) => {
      const value = values.get(key);
      if (value === undefined) return undefined;
      // A Map keeps insertion order, so the first key is always the one unused for longest.
      values.delete(key);
      values.set(key, value);
      return value;
    },
    remember: (key, value) => {
      values.delete(key);
      values.set(key, value);
      if (values.size <= countMax) return;
      const [oldest] = values.keys();
      if (oldest !== undefined) values.delete(oldest);
    },
    forget: (key) => void values.delete(key),
    clear: () => values.clear(),
  };
}
