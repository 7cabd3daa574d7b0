/** A URL with a query in which a space is %20: not every server takes a plus for one. `$` stays, as OData writes it. */
export function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const encode = (text: string): string => encodeURIComponent(text).replaceAll("%24", "$");
  const whole = new URL(url);
  whole.search = Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
  return whole;
}
