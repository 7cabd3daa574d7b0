/** What a writer says of the row that they are about to change, asked under its lock. Throws `version_conflict` where it is another. */
export type Expectation<Row> = (present: Row) => void;
