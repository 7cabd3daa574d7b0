import type { AdminRole } from "@rollcall/core/domain";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";

/** What somebody may do in a tenant: look; also set right what is wrong; also say who may speak. */
export type Role = AdminRole;

/** What a route says of itself: who may use it, and what the description of the API tells of it. */
export type About = {
  /** The least role in the tenant. */
  readonly role: Role;
  /**
   * Where nothing is said: in the tenant that the path names, or for any admin where it names none.
   * `house` is for the operators of the house alone; `open` answers whoever asks.
   */
  readonly scope?: "house" | "open";
  /** One sentence in the imperative: `List the users of a tenant`. */
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** The answer's status where all goes well; 200 where nothing is said. */
  readonly status?: 200 | 201 | 202 | 204 | 302;
  readonly answer?: z.ZodType;
  /** What is answered is not JSON. */
  readonly mediaType?: string;
  /** The answer has an `ETag`; a change takes `If-Match`. */
  readonly tagged?: true;
  /** A browser goes there itself: what is refused there is a page, unless a program asks for JSON alone. */
  readonly visited?: true;
  /** It changes nothing although its method may: it asks, and its question is too long or too secret for a URL. */
  readonly asks?: true;
};

declare module "fastify" {
  // Fastify's own type is an interface, and is extended here.
  interface FastifyContextConfig {
    about?: About;
  }
}

/** The options of a route that describes itself: `app.get(path, about({ role: "viewer", … }), handler)`. */
export function about(described: About): { readonly config: { readonly about: About } } {
  return { config: { about: described } };
}

/** Makes a route that says nothing of itself impossible: nobody could tell who may use it. */
export function requireAbout(app: FastifyInstance): void {
  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.about === undefined) throw new Error(`${String(method)} ${url} does not say what it is about`);
  });
}
