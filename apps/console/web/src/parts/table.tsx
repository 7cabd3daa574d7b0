import type { ReactNode } from "react";

export type Column<Row> = {
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  /** Figures stand to the right; what can be done stands last and has no label on a narrow screen. */
  readonly kind?: "figure" | "actions";
};

type TableProps<Row> = {
  /** What the rows are, for those who hear the table. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string | number;
};

/** A table; on a narrow screen each row is a list of its cells, and each cell says what it is. */
export function Table<Row>({ label, columns, rows, rowKey }: TableProps<Row>) {
  // The roles say what the elements are anyway: laid out as blocks, some browsers forget it.
  return (
    <table className="table" role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ head, kind }) => (
            <th key={head} role="columnheader" scope="col" className={kind}>
              {kind === "actions" ? <span className="unseen">{head}</span> : head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={rowKey(row)} role="row">
            {columns.map(({ head, cell, kind }) => (
              <td key={head} role="cell" className={kind} data-head={kind === "actions" ? undefined : head}>
                <div className="cell">{cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
