import { CopyValue } from "../parts/copy.tsx";
import { Notice } from "../parts/notice.tsx";
import type { Guide } from "../setup/guide.ts";
import { useScimUrl } from "../setup/settings.ts";

/** What to do at the identity provider, each value beside the step that asks for it. */
export function SetupSteps({ guide, token }: { readonly guide: Guide; readonly token: string | undefined }) {
  const scimUrl = useScimUrl();
  const url = `${scimUrl ?? `${window.location.origin}/scim/v2`}${guide.urlEnd ?? ""}`;
  return (
    <>
      {token !== undefined && (
        <Notice tone="late" title="The token is shown this once.">
          Only its digest is kept. Who loses it issues another.
        </Notice>
      )}
      <ol className="steps">
        {guide.steps.map(({ say, paste }) => (
          <li key={say}>
            <p>{say}</p>
            {paste === "url" && <CopyValue label="SCIM URL" value={url} />}
            {paste === "token" &&
              (token === undefined ? (
                <p className="quiet">The token that you were shown; issue another below.</p>
              ) : (
                <CopyValue label="Token" value={token} secret />
              ))}
          </li>
        ))}
      </ol>
      {isLocal(url) && (
        <p className="quiet">
          This address is this machine's own: an identity provider on the Internet does not reach it. Set PUBLIC_URL to
          one that it does.
        </p>
      )}
    </>
  );
}

function isLocal(url: string): boolean {
  return URL.canParse(url) && /^(?:localhost|127\.|\[::1\])/.test(new URL(url).hostname);
}
