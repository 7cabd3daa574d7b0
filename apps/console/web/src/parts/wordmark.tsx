/** The name, behind three lines of a register of which the last is ticked. */
export function Wordmark() {
  return (
    <span className="wordmark">
      <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
        <path className="lines" d="M4 8h24M4 16h24M4 24h11" />
        <path className="tick" d="m20 24 3.200 3.200 6-7" />
      </svg>
      Rollcall
    </span>
  );
}
