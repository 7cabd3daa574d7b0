import { beforeEach, inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** The story that is to tell; the others of its file are left out. */
    readonly onlyTest: string;
    /** The mutant, for the processes that a story starts. */
    readonly mutant: string;
  }
}

process.env["MUTANT"] = inject("mutant");

beforeEach((context) => {
  const names: string[] = [context.task.name];
  for (let suite = context.task.suite; suite !== undefined; suite = suite.suite) names.unshift(suite.name);
  if (!names.join(" > ").includes(inject("onlyTest"))) context.skip();
});
