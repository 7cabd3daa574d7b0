import { type ChangeMarks, type ChangeTopic, changeTopics, type Database, readChangeMarks } from "@rollcall/core/store";

/** Tells whoever looks at a tenant what to look at again. */
export type ChangeWatch = {
  /** Calls `onChange` with the topics that have changed, at most once a second. Answers how to stop. */
  watch(tenantId: string, onChange: (topics: readonly ChangeTopic[]) => void): () => void;
  close(): void;
};

type Watched = {
  readonly listeners: Set<(topics: readonly ChangeTopic[]) => void>;
  timer: NodeJS.Timeout | undefined;
  marks: ChangeMarks | undefined;
};

const everyMs = 1_000;

/** One look a second at each tenant that somebody looks at, however many they are. */
export function createChangeWatch(database: Database): ChangeWatch {
  const tenants = new Map<string, Watched>();

  async function look(tenantId: string, watched: Watched): Promise<void> {
    // The database may be away for a while; whoever watches is told once it is back.
    const marks = await readChangeMarks(database, tenantId).catch(() => undefined);
    const { marks: before } = watched;
    if (marks !== undefined) {
      watched.marks = marks;
      const topics = before === undefined ? [] : changeTopics.filter((topic) => marks[topic] !== before[topic]);
      if (topics.length > 0) for (const listener of watched.listeners) listener(topics);
    }
    if (watched.listeners.size > 0) watched.timer = setTimeout(() => void look(tenantId, watched), everyMs);
  }
  return {
    watch: (tenantId, onChange) => {
      const known = tenants.get(tenantId);
      const watched = known ?? { listeners: new Set(), timer: undefined, marks: undefined };
      watched.listeners.add(onChange);
      if (known === undefined) {
        tenants.set(tenantId, watched);
        void look(tenantId, watched);
      }
      return () => {
        watched.listeners.delete(onChange);
        if (watched.listeners.size > 0 || tenants.get(tenantId) !== watched) return;
        clearTimeout(watched.timer);
        tenants.delete(tenantId);
      };
    },
    close: () => {
      for (const { listeners, timer } of tenants.values()) {
        listeners.clear();
        clearTimeout(timer);
      }
      tenants.clear();
    },
  };
}
