/** Where resources are found, from the configured public URL: the Host header is a stranger's word. */
export type Locations = {
  readonly base: string;
  user(id: string): string;
  group(id: string): string;
};

/** Locations under `<publicUrl>/scim/v2`. */
export function locationsUnder(publicUrl: string): Locations {
  const base = `${publicUrl.replace(/\/+$/, "")}/scim/v2`;
  return { base, user: (id) => `${base}/Users/${id}`, group: (id) => `${base}/Groups/${id}` };
}
