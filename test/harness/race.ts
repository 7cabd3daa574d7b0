import fc from "fast-check";
import { replayed } from "./replay.ts";

/** Whoever acts, one act after the other, while the others go on: a sender, an admin, a worker. */
export type Actor = string;

/** One act of a race; `Real` is what it is done to. */
export type Act<Real> = {
  readonly actor: Actor;
  readonly name: string;
  readonly act: (real: Real) => Promise<unknown>;
};

type Race<Real> = { readonly real: Real; begin(act: Act<Real>): void };

export type RaceOptions<Real> = {
  readonly acts: readonly Act<Real>[];
  readonly runs: number;
  readonly actsMax: number;
  readonly prepare: () => Promise<Real>;
  /** Throws where the race has ended in a state that the rules forbid. */
  readonly judge: (real: Real) => Promise<void>;
};

/**
 * Runs acts in random order, each begun when the scheduler says, and whatever is under way goes on
 * meanwhile: what meets in the database meets there. A failure prints what `REPLAY` takes.
 */
export async function race<Real>({ acts, runs, actsMax, prepare, judge }: RaceOptions<Real>): Promise<void> {
  const { replayPath, ...from } = replayed();
  const commands = fc.commands(
    acts.map((act) => fc.constant(commandOf(act))),
    { maxCommands: actsMax, ...(replayPath === undefined ? {} : { replayPath }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), commands, async (scheduler, sequence) => {
      const real = await prepare();
      const tails = new Map<Actor, Promise<unknown>>();
      const begin = ({ actor, name, act }: Act<Real>): void => {
        const turn = (tails.get(actor) ?? Promise.resolve()).then(() =>
          scheduler.schedule(Promise.resolve(), `${actor}: ${name}`),
        );
        const done = turn.then(() => act(real));
        // Its failure is heard at the end, with all others.
        done.catch(() => undefined);
        tails.set(actor, done);
      };
      await fc.scheduledModelRun(scheduler, () => ({ model: {}, real: { real, begin } }), sequence);
      await scheduler.waitFor(Promise.all(tails.values()));
      await judge(real);
    }),
    // To shrink is to race again, and what was a race may not be one twice: a few tries say enough.
    { numRuns: runs, ...from, endOnFailure: true },
  );
}

function commandOf<Real>(act: Act<Real>): fc.AsyncCommand<object, Race<Real>> {
  return {
    check: () => true,
    run: async (_model, { begin }) => begin(act),
    toString: () => `${act.actor}: ${act.name}`,
  };
}
