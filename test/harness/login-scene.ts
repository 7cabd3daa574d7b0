import { type PeopleProvider, type Person, startPeopleProvider } from "@rollcall/cli/people-provider";
import { afterAll } from "vitest";

/** A provider of people, closed after the file. */
export async function openPeopleProvider(redirectUri: string, person: Person): Promise<PeopleProvider> {
  const people = await startPeopleProvider(redirectUri, person);
  afterAll(() => people.close());
  return people;
}

export type Visit = { readonly status: number; readonly headers: Headers; readonly text: string };

/** A browser, as far as logging in needs one: it keeps cookies by their origin and follows where it is told to. */
export type Browser = {
  readonly cookies: Map<string, string>;
  visit(url: string, init?: RequestInit): Promise<Visit>;
  /** Follows redirects until one leads to where `until` says, and answers that address. */
  follow(url: string, until: (url: URL) => boolean): Promise<URL>;
};

/** The public address leads to where the house really is. */
export function openBrowser(publicUrl: string, houseUrl: string): Browser {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (url: URL): Map<string, string> => {
    const jar = jars.get(url.origin) ?? new Map<string, string>();
    jars.set(url.origin, jar);
    return jar;
  };
  const visit: Browser["visit"] = async (text, init = {}) => {
    const url = new URL(text);
    const jar = jarOf(url);
    const real = url.origin === publicUrl ? `${houseUrl}${url.pathname}${url.search}` : url.href;
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(init.headers as Record<string, string> | undefined), ...(cookie === "" ? {} : { cookie }) };
    const answer = await fetch(real, { ...init, headers, redirect: "manual" });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === "" || /expires=Thu, 01 Jan 1970/i.test(set)) jar.delete(name);
      else jar.set(name, decodeURIComponent(value));
    }
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  return {
    cookies: jarOf(new URL(publicUrl)),
    visit,
    follow: async (start, until) => {
      let url = new URL(start);
      for (let hops = 0; hops < 20; hops += 1) {
        if (until(url)) return url;
        const { headers, status, text } = await visit(url.href);
        const location = headers.get("location");
        if (location === null) throw new Error(`${url.pathname} leads nowhere: ${status} ${text.slice(0, 300)}`);
        url = new URL(location, url);
      }
      throw new Error("too many redirects");
    },
  };
}
