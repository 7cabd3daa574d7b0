import { createBell } from "./bell.ts";

export type Rounds = { close(): Promise<void> };

/** Runs `round` again and again, `everyMs` after the end of the one before, the first at once. What one throws goes to `onError`. */
export function startRounds(
  everyMs: number,
  round: (closed: () => boolean) => Promise<unknown>,
  onError: (error: unknown) => void,
): Rounds {
  const bell = createBell();
  let closed = false;

  async function run(): Promise<void> {
    while (!closed) {
      await round(() => closed).catch(onError);
      if (!closed) await bell.wait(everyMs);
    }
  }
  const running = run();
  return {
    close: async () => {
      closed = true;
      bell.ring();
      await running;
    },
  };
}
